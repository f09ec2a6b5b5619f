-- How each bridge received each node last, by radio and over MQTT apart: what crossed a broker says nothing of the air, and
-- is not to take the place of what does.

alter table node_receptions drop constraint node_receptions_pkey;
alter table node_receptions add primary key (node, bridge, via_mqtt);

-- Who hears a node, as well as whom it hears.

create index neighbors_neighbor on neighbors (neighbor);
