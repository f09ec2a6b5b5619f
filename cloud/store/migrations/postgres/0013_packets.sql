-- The log of packets, for whoever wants to know what goes on: bounded by number and age, and without anything that is not for
-- everybody. A packet that several tell of is one row. `fields` is a JSON object; without one, nothing of what it said is kept.

create table packets (
    id         bigint      not null generated always as identity primary key,
    heard_at   timestamptz not null,
    sender     bigint      not null,
    packet_id  bigint      not null,
    addressee  bigint,
    port       bigint,
    gateway    text        not null,
    uplink     boolean     not null,
    channel    text,
    private    boolean     not null,
    snr_db     real,
    rssi_dbm   bigint,
    hops_away  bigint,
    relay_node bigint,
    via_mqtt   boolean     not null,
    bytes      bigint,
    receptions bigint      not null,
    fields     text
);

create index packets_same on packets (sender, packet_id);
create index packets_heard on packets (heard_at);
