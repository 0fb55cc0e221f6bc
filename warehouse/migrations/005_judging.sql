-- What judges need and write: known answers of a prompt, principles of a response, rubrics, types of a score.

alter table prompts add column task_type varchar;
alter table prompts add column correct_answers varchar[];
alter table prompts add column incorrect_answers varchar[];

alter table responses add column principle varchar;
alter table responses add column principle_text varchar;
alter table responses add column system_prompt varchar;

alter table scores add column types varchar[];

create table rubrics (
    rubric_id varchar not null,
    prompt_id varchar not null,
    writer varchar not null,
    writer_version varchar not null,
    parent_id varchar,
    contrasted varchar[],
    agreement double,
    accepted boolean not null,
    reason varchar,
    checked_by varchar not null,
    call_id varchar,
    run_id varchar
);
alter table rubrics set sorted by (prompt_id asc);

create table rubric_items (
    rubric_id varchar not null,
    number integer not null,
    kind varchar not null,
    text varchar not null,
    weight double not null
);
alter table rubric_items set sorted by (rubric_id asc);

create table principles (
    principle_id varchar not null,
    prompt_id varchar not null,
    response_id varchar not null,
    annotator varchar not null,
    principle varchar not null,
    label varchar not null,
    spans varchar[] not null,
    span_score double,
    cluster varchar,
    kept boolean not null,
    reason varchar,
    checked_by varchar not null,
    call_id varchar,
    run_id varchar
);
alter table principles set sorted by (response_id asc);
