-- What a text waits for besides a bridge: its writer's word that a node's new key is that person's, or the answer of the bridge that was
-- asked to give it back. A text for everybody on a channel names the channel as the mesh does. `refused_by` says who answered with an
-- error: `radio` or `destination`; nobody knew that before.

alter table messages add column unconfirmed_at integer;
alter table messages add column refused_by text;
alter table messages add column held_at integer;
alter table messages add column cancel_asked_at integer;
alter table messages add column next_cancel_at integer;
alter table messages add column channel_name text;
alter table messages add column channel_hash integer;

create index messages_held on messages (user_id, node_id) where held_at is not null;
create index messages_cancelled on messages (next_cancel_at) where next_cancel_at is not null;

-- By which key a member knows a node, once they have said so after it changed.

create table key_confirmations (
    user_id      blob not null references users (id),
    node_id      integer not null,
    public_key   blob not null,
    confirmed_at integer not null,
    primary key (user_id, node_id)
) without rowid;

-- What is said to everybody on a channel. `message_id` is our own text; who sent one by whose radio is known once it was handed over.

create table channel_texts (
    id           blob not null primary key,
    channel_name text not null,
    channel_hash integer not null,
    from_node    integer,
    packet_id    integer not null,
    text         text not null,
    reply_to     integer,
    reaction     boolean not null,
    stored       boolean not null,
    bridge       text,
    heard_at     integer not null,
    received_at  integer not null,
    message_id   blob references messages (id)
);

create index channel_texts_channel on channel_texts (channel_name, channel_hash, received_at, id);
create index channel_texts_message on channel_texts (message_id) where message_id is not null;
create index channel_texts_received on channel_texts (received_at);

-- Questions for the way to a node that operators had a bridge ask.

create table route_requests (
    id       blob not null primary key,
    bridge   text not null,
    node_id  integer not null,
    asked_at integer not null,
    sent_at  integer
);

create index route_requests_bridge on route_requests (bridge, asked_at);
