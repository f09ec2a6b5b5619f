-- The channels of the mesh that are known by name and key. The key is sealed with the installation's secrets key: `sealed_by`
-- tells with which. `same` tells channels of one name and key apart from others without opening them.

create table channels (
    id           blob    not null primary key,
    name         text    not null,
    hash         integer not null,
    key_bytes    integer not null,
    sealed_key   blob    not null,
    sealed_by    text    not null,
    same         blob    not null unique,
    visibility   text    not null,
    source       text    not null,
    added_at     integer not null,
    published_at integer
) without rowid;

create index channels_name on channels (name);
