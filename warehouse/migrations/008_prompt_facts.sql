-- What became known about prompts after they were stored.

create table prompt_facts (
    prompt_fact_id varchar not null,
    prompt_id varchar not null,
    constraints varchar[],
    task_type varchar,
    correct_answers varchar[],
    incorrect_answers varchar[],
    source varchar not null,
    run_id varchar
);
alter table prompt_facts set sorted by (prompt_id asc);
