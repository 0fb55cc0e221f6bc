-- Note facts with which stored prompts were brought in, where nothing is known yet: of several, the first.
-- Parameters: $run_id, brought (relation of rows of `prompts`, in order).
insert into prompt_facts by name
with said as (
    select *, row_number() over () as n from brought
),
firsts as (
    select
        prompt_id,
        first(source order by n) as source,
        first(constraints order by n) filter (constraints is not null) as constraints,
        first(task_type order by n) filter (task_type is not null) as task_type,
        first(correct_answers order by n) filter (correct_answers is not null) as correct_answers,
        first(incorrect_answers order by n) filter (incorrect_answers is not null) as incorrect_answers
    from said
    group by prompt_id
),
new as (
    select
        f.prompt_id, f.source,
        if(k.constraints is null, f.constraints, null) as constraints,
        if(k.task_type is null, f.task_type, null) as task_type,
        if(k.correct_answers is null, f.correct_answers, null) as correct_answers,
        if(k.incorrect_answers is null, f.incorrect_answers, null) as incorrect_answers
    from firsts as f
    join known_prompts(null) as k on k.prompt_id = f.prompt_id
)
select
    md5(json_array(prompt_id, constraints, task_type, correct_answers, incorrect_answers)) as prompt_fact_id,
    prompt_id, constraints, task_type, correct_answers, incorrect_answers, source, $run_id as run_id
from new
where coalesce(constraints, correct_answers, incorrect_answers) is not null or task_type is not null
order by prompt_id
