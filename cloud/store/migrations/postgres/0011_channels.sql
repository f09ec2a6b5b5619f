-- The channels of the mesh that are known by name and key. The key is sealed with the installation's secrets key: `sealed_by`
-- tells with which. `same` tells channels of one name and key apart from others without opening them.

create table channels (
    id           uuid        not null primary key,
    name         text        not null,
    hash         bigint      not null,
    key_bytes    bigint      not null,
    sealed_key   bytea       not null,
    sealed_by    text        not null,
    same         bytea       not null unique,
    visibility   text        not null,
    source       text        not null,
    added_at     timestamptz not null,
    published_at timestamptz
);

create index channels_name on channels (name);
