-- The imported acts of rating answers to the chosen prompts; no call of ours made them. Parameters: prompts_in (relation
-- of prompt_id), $judges (who rated).
select distinct s.judge, s.call_id
from scores as s
join responses as r using (response_id)
semi join prompts_in on prompts_in.prompt_id = r.prompt_id
anti join calls on calls.call_id = s.call_id
where list_contains($judges, s.judge)
order by all
