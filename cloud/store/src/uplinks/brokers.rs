//! The brokers that nodes publish to: how each fares, and when it was listened to.

use crate::{
    Error, Result, Store,
    db::{on_reader, on_tx, on_writer},
    types::At,
};
use futures_util::TryFutureExt as _;
use kosmo_domain::Timestamp;

/// The most rows of a list that is read at once.
const MOST_ROWS: i64 = 500;

/// How a broker fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BrokerState {
    /// It is listened to.
    Listening,
    /// It was not reached yet.
    Connecting,
    /// It cannot be reached, or the connection was lost; it is tried again.
    Away,
    /// It refuses the login or the subscription; it is tried again.
    Refused,
}

/// How a broker fares, as one process says that listens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerNote {
    /// The broker.
    pub source: String,
    /// The process.
    pub replica: String,
    /// How it fares.
    pub state: BrokerState,
    /// Since when.
    pub since: Timestamp,
    /// What went wrong last, by a stable code, and when.
    pub error: Option<(String, Timestamp)>,
    /// Whether what comes from there counts as much as what a radio of ours hears.
    pub trusted: bool,
    /// Whether what comes from there may be shown to everybody.
    pub public: bool,
    /// When this was so.
    pub at: Timestamp,
}

/// A time in which a broker was listened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionRow {
    /// The broker.
    pub source: String,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Stored {
    source: String,
    replica: String,
    state: String,
    since: At,
    error: Option<String>,
    error_at: Option<At>,
    trusted: bool,
    public: bool,
    noted_at: At,
}

impl Store {
    /// Notes how brokers fare.
    ///
    /// # Errors
    /// As the database does.
    pub async fn note_uplink_brokers(&self, brokers: &[BrokerNote]) -> Result<()> {
        const SQL: &str = "insert into uplink_brokers (source, replica, state, since, error, error_at, trusted, public, noted_at)
                           values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
                           on conflict (source, replica) do update
                              set state = excluded.state, since = excluded.since, error = excluded.error, error_at = excluded.error_at,
                                  trusted = excluded.trusted, public = excluded.public, noted_at = excluded.noted_at";
        let mut tx = self.begin().await?;
        for note in brokers {
            on_tx!(tx, |db| {
                sqlx::query(SQL)
                    .bind(&note.source)
                    .bind(&note.replica)
                    .bind(note.state.as_str())
                    .bind(At(note.since))
                    .bind(note.error.as_ref().map(|(code, _)| code))
                    .bind(note.error.as_ref().map(|(_, at)| At(*at)))
                    .bind(note.trusted)
                    .bind(note.public)
                    .bind(At(note.at))
                    .execute(db)
                    .map_ok(drop)
            })?;
        }
        tx.commit().await
    }

    /// Returns how brokers fare, by name, of each the latest word first; one for each process that listens to it.
    ///
    /// # Errors
    /// As the database does.
    pub async fn uplink_brokers(&self) -> Result<Vec<BrokerNote>> {
        const SQL: &str = "select source, replica, state, since, error, error_at, trusted, public, noted_at
                             from uplink_brokers order by source, noted_at desc, replica limit $1";
        let rows: Vec<Stored> = on_reader!(self, |db| sqlx::query_as(SQL).bind(MOST_ROWS).fetch_all(db))?;
        rows.into_iter().map(BrokerNote::try_from).collect()
    }

    /// Notes that a broker was listened to from one moment to another.
    ///
    /// # Errors
    /// As the database does.
    pub async fn note_uplink_session(&self, session: &SessionRow) -> Result<()> {
        const SQL: &str = "insert into uplink_listening (source, from_at, until_at) values ($1, $2, $3)
                           on conflict (source, from_at) do update set until_at = excluded.until_at";
        let SessionRow { source, from, until } = session;
        on_writer!(self, |db| sqlx::query(SQL).bind(source).bind(At(*from)).bind(At(*until)).execute(db).map_ok(drop))?;
        Ok(())
    }

    /// Returns when brokers were listened to since a moment, the latest first. What was published between is lost.
    ///
    /// # Errors
    /// As the database does.
    pub async fn uplink_sessions(&self, since: Timestamp) -> Result<Vec<SessionRow>> {
        const SQL: &str = "select source, from_at, until_at from uplink_listening where until_at >= $1
                            order by from_at desc, source limit $2";
        let rows: Vec<(String, At, At)> = on_reader!(self, |db| sqlx::query_as(SQL).bind(At(since)).bind(MOST_ROWS).fetch_all(db))?;
        Ok(rows.into_iter().map(|(source, from, until)| SessionRow { source, from: from.0, until: until.0 }).collect())
    }
}

impl TryFrom<Stored> for BrokerNote {
    type Error = Error;

    fn try_from(row: Stored) -> Result<Self> {
        Ok(Self {
            state: BrokerState::parse(&row.state)?,
            source: row.source,
            replica: row.replica,
            since: row.since.0,
            error: row.error.zip(row.error_at.map(|at| at.0)),
            trusted: row.trusted,
            public: row.public,
            at: row.noted_at.0,
        })
    }
}

impl BrokerState {
    /// Returns the name used in the database and in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listening => "listening",
            Self::Connecting => "connecting",
            Self::Away => "away",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Result<Self> {
        let all = [Self::Listening, Self::Connecting, Self::Away, Self::Refused];
        let known = all.into_iter().find(|state| state.as_str() == text);
        known.ok_or_else(|| Error::Corrupt(format!("{text:?} is no state of a broker")))
    }
}
