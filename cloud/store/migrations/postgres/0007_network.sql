-- How the network fares: how much came in when, which processes serve, and how often each node usually speaks.

-- How much of each kind came in, by minute and by hour. Several writers add to shards of their own. The rows of the present
-- are rewritten all the time, for which each page keeps room.

create table traffic (
    width_s bigint      not null,
    at      timestamptz not null,
    kind    text        not null,
    shard   bigint      not null,
    number  bigint      not null,
    primary key (width_s, at, kind, shard)
) with (fillfactor = 50);

-- How often each hour refused something for which reason, and on which kind of topic.

create table reject_hours (
    at     timestamptz not null,
    code   text        not null,
    topic  text        not null,
    shard  bigint      not null,
    number bigint      not null,
    primary key (at, code, topic, shard)
) with (fillfactor = 50);

-- The services that run, each with what it said of itself last. `not_ready` is a JSON list of name and reason.

create table service_runs (
    run        uuid        not null,
    service    text        not null,
    version    text        not null,
    started_at timestamptz not null,
    seen_at    timestamptz not null,
    not_ready  text        not null,
    primary key (run, service)
);

-- How many seconds usually lie between two times that a node is heard, and from how many gaps that was learnt.

alter table nodes add column usual_gap_s double precision;
alter table nodes add column gaps bigint not null default 0;
