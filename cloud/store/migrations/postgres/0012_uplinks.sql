-- What comes by MQTT from the firmware itself: logins of nodes, who received which packet, the gateways, and who is not heard.

alter table mqtt_logins add column node_id bigint;

-- Why a node is shown to nobody: 1 its name says that it wants not to be, 2 it does not agree to be passed on by MQTT.

alter table nodes add column hidden bigint not null default 0;

-- Who received a packet: ten bytes for each, see `uplinks::receptions`. The hour is that of the first.

create table uplink_receptions (
    hour      timestamptz not null,
    sender    bigint not null,
    packet_id bigint not null,
    heard     bytea   not null,
    primary key (hour, sender, packet_id)
);

-- The gateways that publish to a broker, each as it calls itself.

create table uplink_gateways (
    source   text    not null,
    gateway  bigint not null,
    first_at timestamptz not null,
    last_at  timestamptz not null,
    packets  bigint not null,
    copies   bigint not null,
    limited  bigint not null,
    primary key (source, gateway)
);

-- When a broker was listened to. What is published between is lost.

create table uplink_listening (
    source     text    not null,
    from_at    timestamptz not null,
    until_at   timestamptz not null,
    primary key (source, from_at)
);

-- Of whom more came than is taken, and how much more, by hour.

create table uplink_limits (
    hour    timestamptz not null,
    role    text    not null,
    node_id bigint not null,
    reason  text    not null,
    number  bigint not null,
    primary key (hour, role, node_id, reason)
);

-- Whose packets an operator will not have.

create table uplink_denials (
    role      text    not null,
    node_id   bigint not null,
    denied_at timestamptz not null,
    primary key (role, node_id)
);
