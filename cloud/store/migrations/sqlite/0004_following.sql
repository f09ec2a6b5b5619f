-- When bridges listened. `heard_until` is the last moment of which it is known that the bridge had its radio, `told_at` when
-- it last said anything. A gap without an end goes on.

create table listening (
    bridge      text    not null primary key,
    first_at    integer not null,
    heard_until integer not null,
    told_at     integer not null
) without rowid;

create table listening_gaps (
    bridge   text    not null,
    began_at integer not null,
    ended_at integer,
    reason   text    not null,
    primary key (bridge, began_at)
) without rowid;

create unique index listening_gaps_open on listening_gaps (bridge) where ended_at is null;
create index listening_gaps_began on listening_gaps (began_at);

-- What is given up is found by its age.

create index member_events_at on member_events (at);
create index inbound_packets_heard on inbound_packets (heard_at);
create index messages_created on messages (created_at);
create index inbound_texts_received on inbound_texts (received_at);
create index inbound_texts_message on inbound_texts (message_id) where message_id is not null;
