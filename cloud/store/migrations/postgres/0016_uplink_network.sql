-- How the brokers of nodes fare, as each process that listens to them says; how much came by which gateway of late; and since when it
-- was too much of whom, and from which broker. What was counted of that before has no broker, and begins anew.

create table uplink_brokers (
    source   text    not null,
    replica  text    not null,
    state    text    not null,
    since    timestamptz not null,
    error    text,
    error_at timestamptz,
    trusted  boolean not null,
    public   boolean not null,
    noted_at timestamptz not null,
    primary key (source, replica)
);

create table uplink_gateway_hours (
    source  text    not null,
    gateway bigint not null,
    hour    timestamptz not null,
    packets bigint not null,
    copies  bigint not null,
    limited bigint not null,
    primary key (source, gateway, hour)
);

drop table uplink_limits;

create table uplink_limits (
    hour     timestamptz not null,
    source   text    not null,
    role     text    not null,
    node_id  bigint not null,
    reason   text    not null,
    first_at timestamptz not null,
    last_at  timestamptz not null,
    number   bigint not null,
    primary key (hour, source, role, node_id, reason)
);
