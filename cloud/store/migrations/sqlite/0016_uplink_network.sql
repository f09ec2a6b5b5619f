-- How the brokers of nodes fare, as each process that listens to them says; how much came by which gateway of late; and since when it
-- was too much of whom, and from which broker. What was counted of that before has no broker, and begins anew.

create table uplink_brokers (
    source   text    not null,
    replica  text    not null,
    state    text    not null,
    since    integer not null,
    error    text,
    error_at integer,
    trusted  boolean not null,
    public   boolean not null,
    noted_at integer not null,
    primary key (source, replica)
) without rowid;

create table uplink_gateway_hours (
    source  text    not null,
    gateway integer not null,
    hour    integer not null,
    packets integer not null,
    copies  integer not null,
    limited integer not null,
    primary key (source, gateway, hour)
) without rowid;

drop table uplink_limits;

create table uplink_limits (
    hour     integer not null,
    source   text    not null,
    role     text    not null,
    node_id  integer not null,
    reason   text    not null,
    first_at integer not null,
    last_at  integer not null,
    number   integer not null,
    primary key (hour, source, role, node_id, reason)
) without rowid;
