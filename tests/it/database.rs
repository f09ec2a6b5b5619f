//! What somebody does to the database behind the program's back.

use kosmo_tests::System;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::time::Duration;

/// Runs a statement on the cloud's database.
pub(crate) async fn execute(cloud: &System, sql: &str) {
    let sql = AssertSqlSafe(sql.to_owned());
    if let Some(url) = cloud.database_url() {
        let mut connection = PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        let options = SqliteConnectOptions::new().filename(cloud.data().join("kosmo.db")).busy_timeout(Duration::from_secs(10));
        let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// Returns how many transactions of others there are of which the server has heard nothing for a second, and which keep their locks.
pub(crate) async fn abandoned(cloud: &System) -> i64 {
    const SQL: &str = "select count(*) from pg_stat_activity
                        where datname = current_database() and state like 'idle in transaction%'
                          and state_change < clock_timestamp() - interval '1 second'";
    let mut connection = PgConnection::connect(cloud.database_url().expect("the cloud is on servers")).await.unwrap();
    let count = sqlx::query_scalar(SQL).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    count
}
