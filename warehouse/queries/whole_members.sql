-- How many members have their pair and all its texts. Parameters: treated (relation of pair_id).
select count(*) as n
from treated
join pairs as p using (pair_id)
semi join prompts as c on c.prompt_id = p.prompt_id
semi join prompts as r on r.prompt_id = p.rejected_prompt_id
semi join responses as chosen on chosen.response_id = p.chosen_id
semi join responses as rejected on rejected.response_id = p.rejected_id
