-- The time by which is decided what is old enough to be given up. It goes forward by little steps, whatever clocks say.

create table retention_clock (
    id integer not null primary key check (id = 1),
    at integer not null
);

insert into retention_clock (id, at) values (1, 0);
