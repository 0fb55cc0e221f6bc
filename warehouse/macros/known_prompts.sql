-- known_prompts(SNAPSHOT): prompts with all that was known about them at that snapshot, or is today where it is NULL:
-- constraints, task_type, correct_answers and incorrect_answers are those they came with, and those that came later.
create or replace temp macro known_prompts(until) as table (
    with later as (
        select
            prompt_id,
            any_value(constraints) as constraints,
            any_value(task_type) as task_type,
            any_value(correct_answers) as correct_answers,
            any_value(incorrect_answers) as incorrect_answers
        from prompt_facts
        where until is null or snapshot_id <= until
        group by prompt_id
    )
    select p.* replace (
        coalesce(p.constraints, l.constraints) as constraints,
        coalesce(p.task_type, l.task_type) as task_type,
        coalesce(p.correct_answers, l.correct_answers) as correct_answers,
        coalesce(p.incorrect_answers, l.incorrect_answers) as incorrect_answers
    )
    from prompts as p
    left join later as l on l.prompt_id = p.prompt_id
);
