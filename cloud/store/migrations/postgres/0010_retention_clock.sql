-- The time by which is decided what is old enough to be given up. It goes forward by little steps, whatever clocks say.

create table retention_clock (
    id bigint      not null primary key check (id = 1),
    at timestamptz not null
);

insert into retention_clock (id, at) values (1, 'epoch');
