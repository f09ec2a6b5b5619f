-- Run by `migrate` after the migrations, and only where the extension is available. Every step may be repeated.
-- There is no retention policy: raw readings are given up by the job that first moves the watermark, on every database.
create extension if not exists timescaledb;

select create_hypertable('readings', by_range('at', interval '7 days'), if_not_exists => true, migrate_data => true);

do $$
begin
    -- Settings cannot be changed, not even to what they are, once something is compressed.
    if not exists (select 1 from timescaledb_information.hypertables where hypertable_name = 'readings' and compression_enabled) then
        alter table readings set (timescaledb.compress, timescaledb.compress_segmentby = 'node', timescaledb.compress_orderby = 'at');
    end if;
end $$;

select add_compression_policy('readings', interval '30 days', if_not_exists => true);
