-- What the computer beneath a node counts, and its traffic management: the latest of each, as JSON.

alter table nodes add column host_stats text;
alter table nodes add column host_stats_at timestamptz;
alter table nodes add column traffic_stats text;
alter table nodes add column traffic_stats_at timestamptz;

-- Places that people mark, by the number that the mesh knows them by. One that is taken away stays with a time that is over, so that
-- an older word of it does not bring it back.

create table waypoints (
    id           bigint not null primary key,
    node_id      bigint not null,
    latitude     double precision,
    longitude    double precision,
    expires_at   timestamptz,
    locked_to    bigint,
    name         text,
    description  text,
    icon         text,
    channel_name text,
    channel_hash bigint,
    is_public    boolean not null,
    at           timestamptz not null
);

create index waypoints_at on waypoints (at);
