//! How our types lie in columns. One wrapper per type, encoded for each database:
//! a point in time is INTEGER microseconds since 1970 in SQLite and TIMESTAMPTZ in PostgreSQL (whose wire format counts
//! from 2000); a node is INTEGER and BIGINT; a UUID is BLOB and UUID, which sqlx knows itself.
//!
//! A row struct uses them through `#[sqlx(try_from = "At")] at: Timestamp`, or as `Option<At>` where the column may be null.

use kosmo_domain::{NodeId, Timestamp};
use sqlx::{
    Decode, Encode, Postgres, Sqlite, Type,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
    sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef},
};
use std::borrow::Cow;

/// A point in time as a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At(pub(crate) Timestamp);

/// A node number as a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Node(pub(crate) NodeId);

impl From<At> for Timestamp {
    fn from(at: At) -> Self {
        at.0
    }
}

impl From<Node> for NodeId {
    fn from(node: Node) -> Self {
        node.0
    }
}

/// 2000-01-01T00:00:00Z in microseconds since 1970: where PostgreSQL's TIMESTAMPTZ counts from.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

impl At {
    fn from_unix_micros(micros: i64) -> Result<Self, BoxDynError> {
        Ok(Self(Timestamp::from_micros(micros)?))
    }
}

impl Type<Sqlite> for At {
    fn type_info() -> SqliteTypeInfo {
        <i64 as Type<Sqlite>>::type_info()
    }

    fn compatible(ty: &SqliteTypeInfo) -> bool {
        <i64 as Type<Sqlite>>::compatible(ty)
    }
}

impl Encode<'_, Sqlite> for At {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Sqlite>::encode(self.0.as_micros(), buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for At {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        Self::from_unix_micros(<i64 as Decode<Sqlite>>::decode(value)?)
    }
}

impl Type<Postgres> for At {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_name("timestamptz")
    }
}

impl PgHasArrayType for At {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::array_of("timestamptz")
    }
}

impl Encode<'_, Postgres> for At {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Encode::<Postgres>::encode(self.0.as_micros() - POSTGRES_EPOCH, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for At {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        // Every statement of ours is prepared, so values come in binary; `infinity` is the one we could not add to.
        let micros = i64::from_be_bytes(value.as_bytes()?.try_into()?);
        Self::from_unix_micros(micros.checked_add(POSTGRES_EPOCH).ok_or("an infinite time")?)
    }
}

macro_rules! node_column {
    ($database:ident, $type_info:ident, $buffer:ident, $value:ident) => {
        impl Type<$database> for Node {
            fn type_info() -> $type_info {
                <i64 as Type<$database>>::type_info()
            }

            fn compatible(ty: &$type_info) -> bool {
                <i64 as Type<$database>>::compatible(ty)
            }
        }

        impl Encode<'_, $database> for Node {
            fn encode_by_ref(&self, buffer: &mut $buffer) -> Result<IsNull, BoxDynError> {
                Encode::<$database>::encode(i64::from(self.0.number()), buffer)
            }
        }

        impl<'r> Decode<'r, $database> for Node {
            fn decode(value: $value<'r>) -> Result<Self, BoxDynError> {
                let number = <i64 as Decode<$database>>::decode(value)?;
                Ok(Self(NodeId::from_number(number.try_into()?)))
            }
        }
    };
}

node_column!(Sqlite, SqliteTypeInfo, SqliteArgumentsBuffer, SqliteValueRef);
node_column!(Postgres, PgTypeInfo, PgArgumentBuffer, PgValueRef);

impl PgHasArrayType for Node {
    fn array_type_info() -> PgTypeInfo {
        <i64 as PgHasArrayType>::array_type_info()
    }
}

/// Returns text from outside as both databases take it: cut to `max` bytes at a character, and without NUL, which
/// PostgreSQL's TEXT cannot hold.
pub(crate) fn storable(text: &str, max: usize) -> Cow<'_, str> {
    let cut = &text[..text.floor_char_boundary(max)];
    if cut.contains('\0') { Cow::Owned(cut.replace('\0', " ")) } else { Cow::Borrowed(cut) }
}

/// Returns a count or sequence number as the signed integer that columns hold.
///
/// # Errors
/// [`crate::Error::TooLarge`] over 2^63 - 1.
pub(crate) fn signed(number: u64, what: &'static str) -> crate::Result<i64> {
    i64::try_from(number).map_err(|_| crate::Error::TooLarge { what, max: 8 })
}

/// Returns a count or sequence number as it was before [`signed`].
///
/// # Errors
/// [`crate::Error::Corrupt`] if it is negative.
pub(crate) fn unsigned(number: i64, what: &'static str) -> crate::Result<u64> {
    u64::try_from(number).map_err(|_| crate::Error::Corrupt(format!("{what} is negative")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Database, Store,
        db::{Db, on_reader},
    };
    use kosmo_test_support::TestDatabase;
    use proptest::{
        prelude::*,
        test_runner::{Config, TestRunner},
    };
    use tokio::runtime::Runtime;

    /// Asks the database for what it is given, for many times and nodes.
    fn check_round_trips(runtime: &Runtime, store: &Store) {
        let times = prop_oneof![Just(0), Just(Timestamp::MAX.as_micros()), 0..=Timestamp::MAX.as_micros()];
        let check = |(micros, number): (i64, u32)| {
            let (at, node) = (At(Timestamp::from_micros(micros).unwrap()), Node(NodeId::from_number(number)));
            let back = runtime.block_on(async {
                on_reader!(store, |db| sqlx::query_as::<_, (At, Node, Option<At>)>("select $1, $2, $3")
                    .bind(at)
                    .bind(node)
                    .bind(None::<At>)
                    .fetch_one(db))
            });
            prop_assert_eq!(back.unwrap(), (at, node, None));
            Ok(())
        };
        TestRunner::new(Config { failure_persistence: None, ..Config::default() }).run(&(times, any::<u32>()), check).unwrap();
    }

    #[test]
    fn times_and_nodes_come_back_from_sqlite_as_they_were() {
        let (runtime, folder) = (Runtime::new().unwrap(), tempfile::tempdir().unwrap());
        let store = runtime.block_on(Store::open(&Database::Sqlite { path: folder.path().join("kosmo.db") })).unwrap();
        check_round_trips(&runtime, &store);
    }

    #[test]
    fn times_and_nodes_come_back_from_postgres_as_they_were_and_mean_the_same_to_it() {
        let (runtime, database) = (Runtime::new().unwrap(), TestDatabase::empty());
        let store = runtime.block_on(Store::open(&Database::Postgres { url: database.url().to_owned(), max_connections: 2 })).unwrap();
        check_round_trips(&runtime, &store);

        let Db::Postgres(pool) = &store.db else { panic!("it was opened as PostgreSQL") };
        for text in ["1970-01-01T00:00:00Z", "1999-12-31T23:59:59.999999Z", "2026-04-12T15:30:15.123456Z", "9998-12-31T23:59:59.999999Z"] {
            let same = sqlx::query_scalar::<_, bool>("select $1 = cast($2 as timestamptz)").bind(At(text.parse().unwrap())).bind(text);
            assert!(runtime.block_on(same.fetch_one(pool)).unwrap(), "{text}");
        }
        let endless = sqlx::query_scalar::<_, At>("select timestamptz 'infinity'");
        assert!(runtime.block_on(endless.fetch_one(pool)).is_err());
    }

    #[test]
    fn text_is_cut_at_a_character_and_freed_of_nul() {
        assert_eq!(storable("abc", 10), "abc");
        assert_eq!(storable("a\0c", 10), "a c");
        assert_eq!(storable("aüb", 2), "a");
        assert_eq!(storable("", 0), "");
    }
}
