-- How the network fares: how much came in when, which processes serve, and how often each node usually speaks.

-- How much of each kind came in, by minute and by hour. Several writers add to shards of their own.

create table traffic (
    width_s integer not null,
    at      integer not null,
    kind    text    not null,
    shard   integer not null,
    number  integer not null,
    primary key (width_s, at, kind, shard)
) without rowid;

-- How often each hour refused something for which reason, and on which kind of topic.

create table reject_hours (
    at     integer not null,
    code   text    not null,
    topic  text    not null,
    shard  integer not null,
    number integer not null,
    primary key (at, code, topic, shard)
) without rowid;

-- The services that run, each with what it said of itself last. `not_ready` is a JSON list of name and reason.

create table service_runs (
    run        blob    not null,
    service    text    not null,
    version    text    not null,
    started_at integer not null,
    seen_at    integer not null,
    not_ready  text    not null,
    primary key (run, service)
) without rowid;

-- How many seconds usually lie between two times that a node is heard, and from how many gaps that was learnt.

alter table nodes add column usual_gap_s real;
alter table nodes add column gaps integer not null default 0;
