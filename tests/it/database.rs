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
