-- What the bytes of data files must be.

create table files (
    file varchar not null,
    row_group integer not null,
    first_byte bigint not null,
    n_bytes bigint not null,
    digest varchar not null
);
