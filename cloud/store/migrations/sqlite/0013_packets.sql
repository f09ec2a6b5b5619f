-- The log of packets, for whoever wants to know what goes on: bounded by number and age, and without anything that is not for
-- everybody. A packet that several tell of is one row. `fields` is a JSON object; without one, nothing of what it said is kept.

create table packets (
    id         integer not null primary key autoincrement,
    heard_at   integer not null,
    sender     integer not null,
    packet_id  integer not null,
    addressee  integer,
    port       integer,
    gateway    text    not null,
    uplink     boolean not null,
    channel    text,
    private    boolean not null,
    snr_db     real,
    rssi_dbm   integer,
    hops_away  integer,
    relay_node integer,
    via_mqtt   boolean not null,
    bytes      integer,
    receptions integer not null,
    fields     text
);

create index packets_same on packets (sender, packet_id);
create index packets_heard on packets (heard_at);
