-- Responses of a version: whether chosen, rejected, or both in different pairs. Parameters: treated (relation).
-- A response of both splits is held out.
with sides as (
    select p.prompt_id, p.chosen_id as response_id, true as chosen, m.split
    from treated as m join pairs as p using (pair_id)
    union all
    select p.rejected_prompt_id, p.rejected_id, false, m.split
    from treated as m join pairs as p using (pair_id)
),
labelled as (
    select prompt_id, response_id, min(split) as split, bool_or(chosen) as label, bool_or(chosen) != bool_and(chosen) as both
    from sides group by prompt_id, response_id
)
select l.split, l.label, l.both, asked.messages as prompt, r.text, r.model
from labelled as l
join prompts as asked using (prompt_id)
join responses as r using (response_id)
order by l.prompt_id, l.response_id
