-- What the computer beneath a node counts, and its traffic management: the latest of each, as JSON.

alter table nodes add column host_stats text;
alter table nodes add column host_stats_at integer;
alter table nodes add column traffic_stats text;
alter table nodes add column traffic_stats_at integer;

-- Places that people mark, by the number that the mesh knows them by. One that is taken away stays with a time that is over, so that
-- an older word of it does not bring it back.

create table waypoints (
    id           integer not null primary key,
    node_id      integer not null,
    latitude     real,
    longitude    real,
    expires_at   integer,
    locked_to    integer,
    name         text,
    description  text,
    icon         text,
    channel_name text,
    channel_hash integer,
    is_public    boolean not null,
    at           integer not null
) without rowid;

create index waypoints_at on waypoints (at);
