//! The two schemas are one: the same tables, columns, nullability and unique keys.

use crate::stores::{self, Fixture};
use kosmo_store::Store;
use sqlx::{Connection as _, PgConnection, SqliteConnection, sqlite::SqliteConnectOptions};
use std::collections::BTreeSet;

/// Returns one line for each column and each unique key.
async fn inventory(fixture: &Fixture) -> BTreeSet<String> {
    // SQLite lets rowid tables' key be a plain INTEGER, which is never null whatever the catalogue says; columns of a
    // unique key are listed in the order of the key. Its types are fewer, so PostgreSQL's are mapped onto them.
    const SQLITE: &str = "
        select t.name || '.' || c.name || ' ' || lower(c.type) || case when c.\"notnull\" or c.pk > 0 then ' not null' else '' end
          from sqlite_master t, pragma_table_info(t.name) c
         where t.type = 'table' and t.name not like 'sqlite\\_%' escape '\\' and t.name not like '\\_%' escape '\\'
        union all
        select t.name || ' unique (' || (select group_concat(name, ', ') from (select name from pragma_index_info(i.name) order by seqno)) || ')'
               || case when i.partial then ' partial' else '' end
          from sqlite_master t, pragma_index_list(t.name) i
         where t.type = 'table' and t.name not like '\\_%' escape '\\' and i.\"unique\"
        union all
        select t.name || ' unique (' || c.name || ')'
          from sqlite_master t, pragma_table_info(t.name) c
         where t.type = 'table' and t.name not like 'sqlite\\_%' escape '\\' and t.name not like '\\_%' escape '\\' and c.pk = 1
           and not exists (select 1 from pragma_index_list(t.name) i where i.origin = 'pk')";
    const POSTGRES: &str = "
        select table_name || '.' || column_name || ' ' ||
               case data_type when 'bigint' then 'integer' when 'smallint' then 'integer' when 'timestamp with time zone' then 'integer'
                              when 'bytea' then 'blob' when 'uuid' then 'blob' when 'double precision' then 'real' else data_type end
               || case when is_nullable = 'NO' then ' not null' else '' end
          from information_schema.columns
         where table_schema = 'public' and table_name not like '\\_%'
        union all
        select t.relname || ' unique (' || (select string_agg(a.attname, ', ' order by k.n)
                                              from unnest(i.indkey) with ordinality k (attnum, n)
                                              join pg_attribute a on a.attrelid = t.oid and a.attnum = k.attnum) || ')'
               || case when i.indpred is not null then ' partial' else '' end
          from pg_index i join pg_class t on t.oid = i.indrelid
         where i.indisunique and t.relnamespace = 'public'::regnamespace and t.relname not like '\\_%'";
    let lines: Vec<String> = if let Some(path) = fixture.sqlite_path() {
        let mut connection = SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(path)).await.unwrap();
        sqlx::query_scalar(SQLITE).fetch_all(&mut connection).await.unwrap()
    } else {
        let mut connection = PgConnection::connect(fixture.url()).await.unwrap();
        sqlx::query_scalar(POSTGRES).fetch_all(&mut connection).await.unwrap()
    };
    lines.into_iter().collect()
}

#[tokio::test]
async fn both_databases_have_the_same_tables_columns_and_unique_keys() {
    let (sqlite, postgres) = (inventory(&stores::sqlite().await).await, inventory(&stores::postgres().await).await);
    assert!(sqlite.contains("jobs unique (kind, dedupe_key) partial"), "{sqlite:#?}");
    assert!(sqlite.contains("rejects.received_at integer not null"), "{sqlite:#?}");
    let differences: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert!(differences.is_empty(), "{differences:#?}");
}

#[tokio::test]
async fn readings_become_a_hypertable_where_timescaledb_is() {
    let Ok(url) = std::env::var("KOSMO_TEST_TIMESCALE_URL") else {
        eprintln!("skipped: KOSMO_TEST_TIMESCALE_URL names no TimescaleDB");
        return;
    };
    let store = Store::open(&stores::postgres_at(url.clone())).await.unwrap();
    store.migrate().await.unwrap();
    store.migrate().await.unwrap();
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let sql = "select count(*) from timescaledb_information.hypertables where hypertable_name = 'readings' and compression_enabled";
    assert_eq!(sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut connection).await.unwrap(), 1);
}
