-- How much was heard on a channel that is not for everybody, and was not kept; and when that was last so.

alter table channels add column withheld bigint not null default 0;
alter table channels add column withheld_at timestamptz;

-- Old ways are given up.

create index traceroutes_at on traceroutes (at);
