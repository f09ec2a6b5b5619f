-- JSON is text: it is only ever read whole, and jsonb refuses U+0000.

create table bridges (
    id           text        not null primary key,
    secret_hash  bytea       not null,
    added_at     timestamptz not null,
    revoked_at   timestamptz,
    last_seen_at timestamptz,
    status       text,
    status_at    timestamptz
);

create table mqtt_logins (
    name        text        not null primary key,
    kind        text        not null,
    secret_hash bytea       not null,
    added_at    timestamptz not null
);

create table rejects (
    id           bigint      not null generated always as identity primary key,
    received_at  timestamptz not null,
    bridge       text,
    epoch        uuid,
    stream       text,
    seq          bigint,
    topic        text        not null,
    payload      bytea       not null,
    truncated    boolean     not null,
    whole        boolean     not null,
    code         text        not null,
    field        text        not null,
    detail       text        not null,
    replayed_at  timestamptz,
    outcome      text
);

-- A record that is sent again is rejected once. Nulls differ from each other: what names no record cannot be told apart.
create unique index rejects_record on rejects (bridge, epoch, stream, seq, field);
create index rejects_received on rejects (received_at);

create table jobs (
    id           bigint      not null generated always as identity primary key,
    kind         text        not null,
    dedupe_key   text,
    payload      text        not null,
    created_at   timestamptz not null,
    run_at       timestamptz not null,
    attempts     bigint      not null default 0,
    generation   bigint      not null default 1,
    claimed      bigint,
    lease        bigint      not null default 0,
    locked_until timestamptz,
    worker       text,
    last_error   text,
    dead_at      timestamptz
);

create unique index jobs_pending on jobs (kind, dedupe_key) where dead_at is null;
create index jobs_due on jobs (run_at) where dead_at is null;
