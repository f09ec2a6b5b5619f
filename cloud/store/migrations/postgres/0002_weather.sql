-- A node is an internal id: radios are reset, replaced and renumbered. `node_identities` has the mesh ids and keys it was
-- heard under; every mesh id there leads to one node. An empty key stands for what was heard before any key was known.

create table nodes (
    id               bigint not null generated always as identity primary key,
    node_id          bigint not null unique,
    public_key       bytea,
    key_changed_at   timestamptz,
    long_name        text    check (length(long_name) <= 100),
    short_name       text    check (length(short_name) <= 40),
    hardware         text    check (length(hardware) <= 100),
    role             text    check (length(role) <= 100),
    licensed         boolean,
    unmessagable     boolean,
    user_at          timestamptz,
    latitude         double precision,
    longitude        double precision,
    altitude_m       double precision,
    precision_bits   bigint,
    position_at      timestamptz,
    radio_stats      text,
    radio_stats_at   timestamptz,
    first_heard      timestamptz not null,
    last_heard       timestamptz not null
);

create index nodes_public_key on nodes (public_key);

create table node_identities (
    node_id     bigint not null,
    public_key  bytea not null,
    node        bigint not null references nodes (id),
    first_heard timestamptz not null,
    primary key (node_id, public_key)
);

create index node_identities_node on node_identities (node);

create table neighbors (
    node     bigint not null,
    neighbor bigint not null,
    snr_db   real not null,
    at       timestamptz not null,
    primary key (node, neighbor)
);

create table traceroutes (
    node    bigint not null,
    to_node bigint not null,
    at      timestamptz not null,
    route   text not null,
    primary key (node, to_node)
);

-- Which records of a spool are stored: `ranges` is a JSON list of first and last sequence numbers.

create table bridge_streams (
    bridge     text not null,
    epoch      uuid not null,
    stream     text not null,
    ranges     text not null,
    updated_at timestamptz not null,
    primary key (bridge, epoch, stream)
);

-- Who heard which packet how. `part` tells apart what one packet says of several things; see `ingest`.

create table receptions (
    heard_at   timestamptz not null,
    sender     bigint not null,
    packet_id  bigint not null,
    part       bigint not null,
    bridge     text not null,
    snr_db     real,
    rssi_dbm   bigint,
    hops_away  bigint,
    relay_node bigint,
    via_mqtt   boolean not null,
    primary key (heard_at, sender, packet_id, part, bridge)
);

create index receptions_packet on receptions (sender, packet_id);

-- How each bridge received each node last.

create table node_receptions (
    node       bigint not null,
    bridge     text not null,
    heard_at   timestamptz not null,
    snr_db     real,
    rssi_dbm   bigint,
    hops_away  bigint,
    relay_node bigint,
    via_mqtt   boolean not null,
    primary key (node, bridge)
);

-- One wide sparse row for a reading; the metrics stand in the order of the metric table of the program.

create table readings (
    node        bigint not null,
    at          timestamptz not null,
    received_at timestamptz not null,
    device_time timestamptz,
    time_source text not null,
    trust       smallint not null,
    source      text not null,
    temperature_c           double precision,
    humidity_pct            double precision,
    pressure_hpa            double precision,
    gas_resistance_ohm      double precision,
    iaq                     double precision,
    wind_speed_ms           double precision,
    wind_gust_ms            double precision,
    wind_lull_ms            double precision,
    wind_direction_deg      double precision,
    rain_mm                 double precision,
    rain_1h_mm              double precision,
    rain_24h_mm             double precision,
    illuminance_lux         double precision,
    white_light_lux         double precision,
    infrared_light_lux      double precision,
    ultraviolet_light_lux   double precision,
    soil_temperature_c      double precision,
    soil_moisture_pct       double precision,
    radiation_urh           double precision,
    distance_mm             double precision,
    weight_kg               double precision,
    pm1_ugm3                double precision,
    pm25_ugm3               double precision,
    pm4_ugm3                double precision,
    pm10_ugm3               double precision,
    particles_03um_per_dl   double precision,
    particles_05um_per_dl   double precision,
    particles_10um_per_dl   double precision,
    particles_25um_per_dl   double precision,
    particles_40um_per_dl   double precision,
    particles_50um_per_dl   double precision,
    particles_100um_per_dl  double precision,
    particle_size_um        double precision,
    co2_ppm                 double precision,
    formaldehyde_ppb        double precision,
    voc_index               double precision,
    nox_index               double precision,
    battery_pct             double precision,
    battery_voltage_v       double precision,
    external_power          double precision,
    bus_voltage_v           double precision,
    bus_current_ma          double precision,
    ch1_voltage_v           double precision,
    ch1_current_ma          double precision,
    ch2_voltage_v           double precision,
    ch2_current_ma          double precision,
    ch3_voltage_v           double precision,
    ch3_current_ma          double precision,
    channel_utilization_pct double precision,
    air_util_tx_pct         double precision,
    uptime_s                double precision,
    primary key (node, at)
);

-- The newest value of each metric: a JSON object of metric to [value, microseconds since 1970, trust].

create table latest (
    node    bigint not null primary key,
    at      timestamptz not null,
    metrics text not null
);

-- Hours whose readings changed since their summary was computed. The generation changes with every mark.

create table dirty_hours (
    node       bigint not null,
    hour       timestamptz not null,
    generation bigint not null,
    marked_at  timestamptz not null,
    primary key (node, hour)
);

create index dirty_hours_hour on dirty_hours (hour);

create table rollups_1h (
    node     bigint not null,
    at       timestamptz not null,
    readings bigint not null,
    stats    text not null,
    primary key (node, at)
);

create table rollups_1d (
    node     bigint not null,
    at       timestamptz not null,
    readings bigint not null,
    stats    text not null,
    primary key (node, at)
);

-- Before when raw readings have been given up; what is older is never summarised again.

create table raw_watermark (
    id     bigint not null primary key check (id = 1),
    before timestamptz not null
);

insert into raw_watermark (id, before) values (1, 'epoch');
