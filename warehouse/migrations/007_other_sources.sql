-- Who asked a prompt, and where rows came from that are stored under the source they had first.

alter table prompts add column user_id varchar;

create table other_sources (
    other_source_id varchar not null,
    row_kind varchar not null,
    row_id varchar not null,
    source varchar not null,
    license varchar,
    user_id varchar,
    run_id varchar
);
alter table other_sources set sorted by (row_id asc);
