-- How each bridge received each node last, by radio and over MQTT apart: what crossed a broker says nothing of the air, and
-- is not to take the place of what does.

create table node_receptions_by_way (
    node       integer not null,
    bridge     text not null,
    via_mqtt   boolean not null,
    heard_at   integer not null,
    snr_db     real,
    rssi_dbm   integer,
    hops_away  integer,
    relay_node integer,
    primary key (node, bridge, via_mqtt)
) without rowid;

insert into node_receptions_by_way (node, bridge, via_mqtt, heard_at, snr_db, rssi_dbm, hops_away, relay_node)
select node, bridge, via_mqtt, heard_at, snr_db, rssi_dbm, hops_away, relay_node from node_receptions;

drop table node_receptions;
alter table node_receptions_by_way rename to node_receptions;

-- Who hears a node, as well as whom it hears.

create index neighbors_neighbor on neighbors (neighbor);
