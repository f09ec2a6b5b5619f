-- What only one of several processes may do at a time: who does it, and until when the others leave it to that one.

create table leases (
    name    text    not null primary key,
    holder  blob    not null,
    ends_at integer not null
) without rowid;
