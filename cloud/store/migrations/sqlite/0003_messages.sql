-- Members, what each may write to, and how far the events of each have been counted. Whoever changes anything of a member's
-- locks the member's row first.

create table users (
    id         blob    not null primary key,
    handle     text    not null unique,
    plan       text    not null,
    anchor     integer not null,
    created_at integer not null,
    event_seq  integer not null default 0
) without rowid;

create table user_nodes (
    user_id blob    not null references users (id),
    node_id integer not null,
    primary key (user_id, node_id)
) without rowid;

create table group_nodes (
    group_name text    not null,
    node_id    integer not null,
    primary key (group_name, node_id)
) without rowid;

create table user_groups (
    user_id    blob not null references users (id),
    group_name text not null,
    primary key (user_id, group_name)
) without rowid;

-- What a member used of each period. No allowance is no limit.

create table quota_periods (
    user_id      blob    not null references users (id),
    period_start integer not null,
    period_end   integer not null,
    allowance    integer,
    reserved     integer not null check (reserved >= 0),
    committed    integer not null check (committed >= 0),
    primary key (user_id, period_start)
) without rowid;

create table idempotency_keys (
    user_id    blob    not null references users (id),
    key        text    not null,
    body_hash  blob    not null,
    message_id blob    not null,
    created_at integer not null,
    primary key (user_id, key)
) without rowid;

-- Texts on their way to the mesh. What is known of one stands in the columns from `offered_at` to `unknown_at`; its status
-- and its charge follow from them. It is offered at `next_offer_at`, and no more once that is null. `seq` is the number of
-- the event of its acceptance, which also orders conversations.

create table messages (
    id                blob    not null primary key,
    user_id           blob    not null references users (id),
    seq               integer not null,
    node_id           integer not null,
    text              text    not null,
    air_text          text    not null,
    reply_to          integer,
    created_at        integer not null,
    deadline          integer not null,
    period_start      integer not null,
    status            text    not null,
    charge            text    not null,
    next_offer_at     integer,
    waiting           text,
    waiting_at        integer,
    offered_at        integer,
    granted_at        integer,
    granted_bridge    text,
    handed_over_at    integer,
    transmitted_at    integer,
    relayed_at        integer,
    delivered_at      integer,
    delivery_evidence text,
    answered_at       integer,
    refused_at        integer,
    refused_code      integer,
    not_sent_at       integer,
    not_sent_reason   text,
    unknown_at        integer,
    unique (user_id, seq)
);

create index messages_conversation on messages (user_id, node_id, seq);
create index messages_node on messages (node_id, created_at);
create index messages_next_offer on messages (next_offer_at) where next_offer_at is not null;
create index messages_in_bridges on messages (deadline) where status = 'queued';

-- What became known of a message and when; no bridge means that the cloud says so.

create table message_timeline (
    message_id  blob    not null references messages (id),
    fact        text    not null,
    detail      text    not null,
    at          integer not null,
    bridge      text,
    recorded_at integer not null,
    primary key (message_id, fact, detail)
) without rowid;

-- The packets a message went out in: what answers and acknowledgements refer to.

create table sent_packets (
    message_id  blob    not null references messages (id),
    attempt     integer not null,
    packet_id   integer not null,
    radio       integer not null,
    bridge      text    not null,
    at          integer not null,
    recorded_at integer not null,
    primary key (message_id, attempt)
) without rowid;

create index sent_packets_packet on sent_packets (packet_id);
create index sent_packets_radio on sent_packets (radio);

-- Texts heard on the mesh. Those that are nobody's are the operators'.

create table inbound_texts (
    id          blob    not null primary key,
    user_id     blob    references users (id),
    seq         integer,
    from_node   integer not null,
    to_node     integer not null,
    packet_id   integer not null,
    text        text    not null,
    reply_to    integer,
    reaction    boolean not null,
    bridge      text    not null,
    heard_at    integer not null,
    received_at integer not null,
    message_id  blob    references messages (id),
    unique (user_id, seq)
);

create index inbound_texts_conversation on inbound_texts (user_id, from_node, seq);
create index inbound_texts_operators on inbound_texts (user_id, id) where user_id is null;

-- Which texts were heard, so that one that several bridges hear is stored once.

create table inbound_packets (
    from_node integer not null,
    packet_id integer not null,
    heard_at  integer not null,
    primary key (from_node, packet_id)
) without rowid;

create table conversations (
    user_id  blob    not null references users (id),
    node_id  integer not null,
    last_seq integer not null,
    last_at  integer not null,
    read_seq integer not null default 0,
    primary key (user_id, node_id)
) without rowid;

create index conversations_last on conversations (user_id, last_seq);

-- What happened to a member, numbered without a gap.

create table member_events (
    user_id blob    not null references users (id),
    seq     integer not null,
    at      integer not null,
    kind    text    not null,
    subject blob    not null,
    primary key (user_id, seq)
) without rowid;
