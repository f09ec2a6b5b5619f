-- A node is an internal id: radios are reset, replaced and renumbered. `node_identities` has the mesh ids and keys it was
-- heard under; every mesh id there leads to one node. An empty key stands for what was heard before any key was known.

create table nodes (
    id               integer not null primary key,
    node_id          integer not null unique,
    public_key       blob,
    key_changed_at   integer,
    long_name        text    check (length(long_name) <= 100),
    short_name       text    check (length(short_name) <= 40),
    hardware         text    check (length(hardware) <= 100),
    role             text    check (length(role) <= 100),
    licensed         boolean,
    unmessagable     boolean,
    user_at          integer,
    latitude         real,
    longitude        real,
    altitude_m       real,
    precision_bits   integer,
    position_at      integer,
    radio_stats      text,
    radio_stats_at   integer,
    first_heard      integer not null,
    last_heard       integer not null
);

create index nodes_public_key on nodes (public_key);

create table node_identities (
    node_id     integer not null,
    public_key  blob not null,
    node        integer not null references nodes (id),
    first_heard integer not null,
    primary key (node_id, public_key)
) without rowid;

create index node_identities_node on node_identities (node);

create table neighbors (
    node     integer not null,
    neighbor integer not null,
    snr_db   real not null,
    at       integer not null,
    primary key (node, neighbor)
) without rowid;

create table traceroutes (
    node    integer not null,
    to_node integer not null,
    at      integer not null,
    route   text not null,
    primary key (node, to_node)
) without rowid;

-- Which records of a spool are stored: `ranges` is a JSON list of first and last sequence numbers.

create table bridge_streams (
    bridge     text not null,
    epoch      blob not null,
    stream     text not null,
    ranges     text not null,
    updated_at integer not null,
    primary key (bridge, epoch, stream)
) without rowid;

-- Who heard which packet how. `part` tells apart what one packet says of several things; see `ingest`.

create table receptions (
    heard_at   integer not null,
    sender     integer not null,
    packet_id  integer not null,
    part       integer not null,
    bridge     text not null,
    snr_db     real,
    rssi_dbm   integer,
    hops_away  integer,
    relay_node integer,
    via_mqtt   boolean not null,
    primary key (heard_at, sender, packet_id, part, bridge)
) without rowid;

create index receptions_packet on receptions (sender, packet_id);

-- How each bridge received each node last.

create table node_receptions (
    node       integer not null,
    bridge     text not null,
    heard_at   integer not null,
    snr_db     real,
    rssi_dbm   integer,
    hops_away  integer,
    relay_node integer,
    via_mqtt   boolean not null,
    primary key (node, bridge)
) without rowid;

-- One wide sparse row for a reading; the metrics stand in the order of the metric table of the program.

create table readings (
    node        integer not null,
    at          integer not null,
    received_at integer not null,
    device_time integer,
    time_source text not null,
    trust       integer not null,
    source      text not null,
    temperature_c           real,
    humidity_pct            real,
    pressure_hpa            real,
    gas_resistance_ohm      real,
    iaq                     real,
    wind_speed_ms           real,
    wind_gust_ms            real,
    wind_lull_ms            real,
    wind_direction_deg      real,
    rain_mm                 real,
    rain_1h_mm              real,
    rain_24h_mm             real,
    illuminance_lux         real,
    white_light_lux         real,
    infrared_light_lux      real,
    ultraviolet_light_lux   real,
    soil_temperature_c      real,
    soil_moisture_pct       real,
    radiation_urh           real,
    distance_mm             real,
    weight_kg               real,
    pm1_ugm3                real,
    pm25_ugm3               real,
    pm4_ugm3                real,
    pm10_ugm3               real,
    particles_03um_per_dl   real,
    particles_05um_per_dl   real,
    particles_10um_per_dl   real,
    particles_25um_per_dl   real,
    particles_40um_per_dl   real,
    particles_50um_per_dl   real,
    particles_100um_per_dl  real,
    particle_size_um        real,
    co2_ppm                 real,
    formaldehyde_ppb        real,
    voc_index               real,
    nox_index               real,
    battery_pct             real,
    battery_voltage_v       real,
    external_power          real,
    bus_voltage_v           real,
    bus_current_ma          real,
    ch1_voltage_v           real,
    ch1_current_ma          real,
    ch2_voltage_v           real,
    ch2_current_ma          real,
    ch3_voltage_v           real,
    ch3_current_ma          real,
    channel_utilization_pct real,
    air_util_tx_pct         real,
    uptime_s                real,
    primary key (node, at)
);

-- The newest value of each metric: a JSON object of metric to [value, microseconds since 1970, trust].

create table latest (
    node    integer not null primary key,
    at      integer not null,
    metrics text not null
);

-- Hours whose readings changed since their summary was computed. The generation changes with every mark.

create table dirty_hours (
    node       integer not null,
    hour       integer not null,
    generation integer not null,
    marked_at  integer not null,
    primary key (node, hour)
) without rowid;

create index dirty_hours_hour on dirty_hours (hour);

create table rollups_1h (
    node     integer not null,
    at       integer not null,
    readings integer not null,
    stats    text not null,
    primary key (node, at)
);

create table rollups_1d (
    node     integer not null,
    at       integer not null,
    readings integer not null,
    stats    text not null,
    primary key (node, at)
);

-- Before when raw readings have been given up; what is older is never summarised again.

create table raw_watermark (
    id     integer not null primary key check (id = 1),
    before integer not null
);

insert into raw_watermark (id, before) values (1, 0);
