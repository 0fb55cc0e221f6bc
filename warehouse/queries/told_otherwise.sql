-- Prompts that were brought in with facts that contradict what is known. Parameters: brought (relation of rows of `prompts`).
select distinct b.prompt_id, b.messages[-1].content as asked
from brought as b
join known_prompts(null) as p using (prompt_id)
where (b.constraints is not null and b.constraints is distinct from p.constraints)
    or (b.task_type is not null and b.task_type is distinct from p.task_type)
    or (b.correct_answers is not null and b.correct_answers is distinct from p.correct_answers)
    or (b.incorrect_answers is not null and b.incorrect_answers is distinct from p.incorrect_answers)
order by b.prompt_id
