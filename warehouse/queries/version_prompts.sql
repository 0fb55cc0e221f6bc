-- Prompts of a version, each once; one of both splits is held out. Parameters: treated (relation).
select any_value(asked.messages) as prompt, min(m.split) as split
from treated as m
join pairs as p using (pair_id)
join prompts as asked on asked.prompt_id in (p.prompt_id, p.rejected_prompt_id)
group by asked.prompt_id
order by asked.prompt_id
