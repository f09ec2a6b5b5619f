//! The connections to PostgreSQL. None that has fallen silent takes the place of another for long, on this side or on the server's.

use crate::Result;
use sqlx::{
    Connection as _, Executor as _, PgConnection,
    postgres::{PgConnectOptions, PgPool, PgPoolOptions},
};
use std::{str::FromStr as _, time::Duration};
use tokio::time;

/// How long a call waits for a connection before it says that the database is unavailable.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a connection may take to say that it is there. Several that are not fit into [`PATIENCE`].
const ECHO_WITHIN: Duration = Duration::from_secs(2);
/// How long a connection that is given back may take to end what its call has left undone. The driver would wait for ever, and a
/// pool whose places are all waited for so serves nobody.
const ENDS_WITHIN: Duration = Duration::from_secs(10);
/// Has the server ask, after a quarter of a minute without a word, whether the other machine is there, and end the connection of one
/// that says nothing three times.
const ASK_WHO_IS_SILENT: &str = "set tcp_keepalives_idle = 15; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3";
/// Has the server end a transaction of which nothing is heard. A process that freezes would keep its locks, and other processes
/// from their work. It is less than anybody waits for an answer ([`ANSWERS_WITHIN`]), so that whoever gave up finds the locks free.
///
/// [`ANSWERS_WITHIN`]: crate::ANSWERS_WITHIN
const END_ABANDONED: &str = "set idle_in_transaction_session_timeout = '30s'";

/// For whom a pool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A command, which may read for long within one transaction, as a backup does.
    Command,
    /// A process that serves.
    Serving,
}

/// Opens a pool, once a first connection was made.
///
/// # Errors
/// [`Error::Unavailable`](crate::Error::Unavailable) if there is no such database.
pub(crate) async fn open(url: &str, max_connections: u32, purpose: Purpose) -> Result<(PgPool, PgConnectOptions)> {
    let options = PgConnectOptions::from_str(url)?.application_name("kosmo");
    // A pool hides why it cannot connect behind its timeout, so the first connection is made without one.
    let first = time::timeout(PATIENCE, PgConnection::connect_with(&options)).await;
    first.map_err(|_elapsed| sqlx::Error::PoolTimedOut)??.close().await?;
    Ok((pool(max_connections, purpose).connect_lazy_with(options.clone()), options))
}

fn pool(max_connections: u32, purpose: Purpose) -> PgPoolOptions {
    PgPoolOptions::new()
        .max_connections(max_connections)
        .acquire_timeout(PATIENCE)
        // Said after connecting, for poolers in between refuse what they do not know while that is done.
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(ASK_WHO_IS_SILENT).await?;
                if purpose == Purpose::Serving {
                    connection.execute(END_ABANDONED).await?;
                }
                Ok(())
            })
        })
        .test_before_acquire(false)
        .before_acquire(|connection, _| Box::pin(async move { Ok(echo(connection, ECHO_WITHIN).await.is_ok()) }))
        .after_release(|connection, _| Box::pin(async move { echo(connection, ENDS_WITHIN).await.map(|()| true) }))
}

/// Waits until whatever was asked over this connection was answered, for no longer than this.
async fn echo(connection: &mut PgConnection, patience: Duration) -> sqlx::Result<()> {
    time::timeout(patience, connection.ping()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Database, Store, db::Db, in_time, jobs::NewJob};
    use kosmo_domain::Timestamp;
    use kosmo_test_support::{Cable, TestDatabase};
    use serde_json::Value;

    fn job() -> NewJob {
        NewJob { kind: "mail", dedupe_key: None, payload: Value::Null, run_at: Timestamp::EPOCH }
    }

    #[tokio::test]
    async fn what_a_process_holds_that_is_not_heard_of_is_taken_back() {
        let own = TestDatabase::empty();
        let database = Database::Postgres { url: own.url().to_owned(), max_connections: 2 };
        let setting = async |store: &Store, name: &'static str| {
            let Db::Postgres(pool) = &store.db else { panic!("it was opened as PostgreSQL") };
            sqlx::query_scalar::<_, String>("select current_setting($1)").bind(name).fetch_one(pool).await.unwrap()
        };
        let (serving, command) = (Store::open_serving(&database).await.unwrap(), Store::open(&database).await.unwrap());
        assert_eq!(setting(&serving, "idle_in_transaction_session_timeout").await, "30s");
        assert_eq!(setting(&serving, "tcp_keepalives_idle").await, "15");
        // A backup may well be long over what it has read, and yet lose its power.
        assert_eq!(setting(&command, "idle_in_transaction_session_timeout").await, "0");
        assert_eq!(setting(&command, "tcp_keepalives_idle").await, "15");
    }

    #[tokio::test]
    async fn whoever_gave_up_a_connection_that_fell_silent_has_its_place_again() {
        let own = TestDatabase::empty();
        let cable = Cable::to(own.url()).await;
        let store = Store::open(&Database::Postgres { url: cable.url().to_owned(), max_connections: 2 }).await.unwrap();
        store.migrate().await.unwrap();
        // More often than there are places, and each time within a transaction.
        for silences in 0..3 {
            cable.silence_before("insert into jobs");
            let given_up = async {
                while cable.silences() == silences {
                    let _ = in_time(PATIENCE / 10, store.enqueue_job(&job(), Timestamp::EPOCH)).await;
                }
            };
            time::timeout(PATIENCE * 6, given_up).await.expect("somebody got a connection to lose");
        }

        let served = async { while in_time(PATIENCE, store.enqueue_job(&job(), Timestamp::EPOCH)).await.is_err() {} };
        time::timeout(PATIENCE * 6, served).await.expect("the pool serves");
    }
}
