-- A version's pairs with their texts, as training reads them. Parameters: treated (relation of treatment
-- columns).
select
    m.pair_id,
    p.prompt_id,
    chosen_prompt.messages as prompt,
    chosen.text as chosen,
    rejected_prompt.messages as rejected_prompt,
    rejected.text as rejected,
    chosen.model as chosen_model,
    rejected.model as rejected_model,
    chosen_prompt.source,
    m.split,
    m.rule,
    m.label_source,
    m.margin,
    m.weight,
    m.soft_label
from treated as m
join pairs as p using (pair_id)
join prompts as chosen_prompt on chosen_prompt.prompt_id = p.prompt_id
join prompts as rejected_prompt on rejected_prompt.prompt_id = p.rejected_prompt_id
join responses as chosen on chosen.response_id = p.chosen_id
join responses as rejected on rejected.response_id = p.rejected_id
order by m.pair_id
