-- Members, what each may write to, and how far the events of each have been counted. Whoever changes anything of a member's
-- locks the member's row first.

create table users (
    id         uuid    not null primary key,
    handle     text    collate "C" not null unique,
    plan       text    not null,
    anchor     timestamptz not null,
    created_at timestamptz not null,
    event_seq  bigint not null default 0
);

create table user_nodes (
    user_id uuid    not null references users (id),
    node_id bigint not null,
    primary key (user_id, node_id)
);

create table group_nodes (
    group_name text    not null,
    node_id    bigint not null,
    primary key (group_name, node_id)
);

create table user_groups (
    user_id    uuid not null references users (id),
    group_name text not null,
    primary key (user_id, group_name)
);

-- What a member used of each period. No allowance is no limit.

create table quota_periods (
    user_id      uuid    not null references users (id),
    period_start timestamptz not null,
    period_end   timestamptz not null,
    allowance    bigint,
    reserved     bigint not null check (reserved >= 0),
    committed    bigint not null check (committed >= 0),
    primary key (user_id, period_start)
);

create table idempotency_keys (
    user_id    uuid    not null references users (id),
    key        text    not null,
    body_hash  bytea    not null,
    message_id uuid    not null,
    created_at timestamptz not null,
    primary key (user_id, key)
);

-- Texts on their way to the mesh. What is known of one stands in the columns from `offered_at` to `unknown_at`; its status
-- and its charge follow from them. It is offered at `next_offer_at`, and no more once that is null. `seq` is the number of
-- the event of its acceptance, which also orders conversations.

create table messages (
    id                uuid    not null primary key,
    user_id           uuid    not null references users (id),
    seq               bigint not null,
    node_id           bigint not null,
    text              text    not null,
    air_text          text    not null,
    reply_to          bigint,
    created_at        timestamptz not null,
    deadline          timestamptz not null,
    period_start      timestamptz not null,
    status            text    not null,
    charge            text    not null,
    next_offer_at     timestamptz,
    waiting           text,
    waiting_at        timestamptz,
    offered_at        timestamptz,
    granted_at        timestamptz,
    granted_bridge    text,
    handed_over_at    timestamptz,
    transmitted_at    timestamptz,
    relayed_at        timestamptz,
    delivered_at      timestamptz,
    delivery_evidence text,
    answered_at       timestamptz,
    refused_at        timestamptz,
    refused_code      bigint,
    not_sent_at       timestamptz,
    not_sent_reason   text,
    unknown_at        timestamptz,
    unique (user_id, seq)
);

create index messages_conversation on messages (user_id, node_id, seq);
create index messages_node on messages (node_id, created_at);
create index messages_next_offer on messages (next_offer_at) where next_offer_at is not null;
create index messages_in_bridges on messages (deadline) where status = 'queued';

-- What became known of a message and when; no bridge means that the cloud says so.

create table message_timeline (
    message_id  uuid    not null references messages (id),
    fact        text    not null,
    detail      text    not null,
    at          timestamptz not null,
    bridge      text,
    recorded_at timestamptz not null,
    primary key (message_id, fact, detail)
);

-- The packets a message went out in: what answers and acknowledgements refer to.

create table sent_packets (
    message_id  uuid    not null references messages (id),
    attempt     bigint not null,
    packet_id   bigint not null,
    radio       bigint not null,
    bridge      text    not null,
    at          timestamptz not null,
    recorded_at timestamptz not null,
    primary key (message_id, attempt)
);

create index sent_packets_packet on sent_packets (packet_id);
create index sent_packets_radio on sent_packets (radio);

-- Texts heard on the mesh. Those that are nobody's are the operators'.

create table inbound_texts (
    id          uuid    not null primary key,
    user_id     uuid    references users (id),
    seq         bigint,
    from_node   bigint not null,
    to_node     bigint not null,
    packet_id   bigint not null,
    text        text    not null,
    reply_to    bigint,
    reaction    boolean not null,
    bridge      text    not null,
    heard_at    timestamptz not null,
    received_at timestamptz not null,
    message_id  uuid    references messages (id),
    unique (user_id, seq)
);

create index inbound_texts_conversation on inbound_texts (user_id, from_node, seq);
create index inbound_texts_operators on inbound_texts (user_id, id) where user_id is null;

-- Which texts were heard, so that one that several bridges hear is stored once.

create table inbound_packets (
    from_node bigint not null,
    packet_id bigint not null,
    heard_at  timestamptz not null,
    primary key (from_node, packet_id)
);

create table conversations (
    user_id  uuid    not null references users (id),
    node_id  bigint not null,
    last_seq bigint not null,
    last_at  timestamptz not null,
    read_seq bigint not null default 0,
    primary key (user_id, node_id)
);

create index conversations_last on conversations (user_id, last_seq);

-- What happened to a member, numbered without a gap.

create table member_events (
    user_id uuid    not null references users (id),
    seq     bigint not null,
    at      timestamptz not null,
    kind    text    not null,
    subject uuid    not null,
    primary key (user_id, seq)
);
