-- What comes by MQTT from the firmware itself: logins of nodes, who received which packet, the gateways, and who is not heard.

alter table mqtt_logins add column node_id integer;

-- Why a node is shown to nobody: 1 its name says that it wants not to be, 2 it does not agree to be passed on by MQTT.

alter table nodes add column hidden integer not null default 0;

-- Who received a packet: ten bytes for each, see `uplinks::receptions`. The hour is that of the first.

create table uplink_receptions (
    hour      integer not null,
    sender    integer not null,
    packet_id integer not null,
    heard     blob    not null,
    primary key (hour, sender, packet_id)
) without rowid;

-- The gateways that publish to a broker, each as it calls itself.

create table uplink_gateways (
    source   text    not null,
    gateway  integer not null,
    first_at integer not null,
    last_at  integer not null,
    packets  integer not null,
    copies   integer not null,
    limited  integer not null,
    primary key (source, gateway)
) without rowid;

-- When a broker was listened to. What is published between is lost.

create table uplink_listening (
    source     text    not null,
    from_at    integer not null,
    until_at   integer not null,
    primary key (source, from_at)
) without rowid;

-- Of whom more came than is taken, and how much more, by hour.

create table uplink_limits (
    hour    integer not null,
    role    text    not null,
    node_id integer not null,
    reason  text    not null,
    number  integer not null,
    primary key (hour, role, node_id, reason)
) without rowid;

-- Whose packets an operator will not have.

create table uplink_denials (
    role      text    not null,
    node_id   integer not null,
    denied_at integer not null,
    primary key (role, node_id)
) without rowid;
