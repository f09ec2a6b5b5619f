-- Times are microseconds since 1970 UTC; booleans are 0 and 1; JSON is text.

create table bridges (
    id           text    not null primary key,
    secret_hash  blob    not null,
    added_at     integer not null,
    revoked_at   integer,
    last_seen_at integer,
    status       text,
    status_at    integer
) without rowid;

create table mqtt_logins (
    name        text    not null primary key,
    kind        text    not null,
    secret_hash blob    not null,
    added_at    integer not null
) without rowid;

create table rejects (
    id           integer not null primary key autoincrement,
    received_at  integer not null,
    bridge       text,
    epoch        blob,
    stream       text,
    seq          integer,
    topic        text    not null,
    payload      blob    not null,
    truncated    boolean not null,
    whole        boolean not null,
    code         text    not null,
    field        text    not null,
    detail       text    not null,
    replayed_at  integer,
    outcome      text
);

-- A record that is sent again is rejected once. Nulls differ from each other: what names no record cannot be told apart.
create unique index rejects_record on rejects (bridge, epoch, stream, seq, field);
create index rejects_received on rejects (received_at);

create table jobs (
    id           integer not null primary key autoincrement,
    kind         text    not null,
    dedupe_key   text,
    payload      text    not null,
    created_at   integer not null,
    run_at       integer not null,
    attempts     integer not null default 0,
    generation   integer not null default 1,
    claimed      integer,
    lease        integer not null default 0,
    locked_until integer,
    worker       text,
    last_error   text,
    dead_at      integer
);

create unique index jobs_pending on jobs (kind, dedupe_key) where dead_at is null;
create index jobs_due on jobs (run_at) where dead_at is null;
