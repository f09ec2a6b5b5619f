-- Run by `migrate` after the migrations, and only where the extension is available. Every step may be repeated.
create extension if not exists timescaledb;
select create_hypertable('readings', by_range('at', interval '7 days'), if_not_exists => true, migrate_data => true);
alter table readings set (timescaledb.compress, timescaledb.compress_segmentby = 'node', timescaledb.compress_orderby = 'at');
select add_compression_policy('readings', interval '30 days', if_not_exists => true);
