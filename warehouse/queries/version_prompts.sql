-- Prompts of a version, each once, with what was known about them then; one of both splits is held out. Parameters:
-- treated (relation), pinned (relation of one snapshot).
select
    any_value(asked.messages) as prompt,
    min(m.split) as split,
    any_value(asked.constraints) as constraints,
    any_value(asked.correct_answers) as correct_answers,
    any_value(asked.incorrect_answers) as incorrect_answers,
    any_value(asked.task_type) as task_type
from treated as m
join pairs as p using (pair_id)
join known_prompts((select snapshot from pinned)) as asked on asked.prompt_id in (p.prompt_id, p.rejected_prompt_id)
group by asked.prompt_id
order by asked.prompt_id
