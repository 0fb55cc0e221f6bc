-- Responses of a version, a model after the other; `place` counts those of a model to one prompt. A response of both
-- splits is held out. Parameters: treated (relation).
with sides as (
    select p.chosen_id as response_id, m.split
    from treated as m join pairs as p using (pair_id)
    union all
    select p.rejected_id, m.split
    from treated as m join pairs as p using (pair_id)
),
answers as (
    select response_id, min(split) as split
    from sides group by response_id
)
select
    a.split,
    asked.messages as prompt,
    asked.source,
    r.model,
    r.text,
    row_number() over (partition by r.model, r.prompt_id order by r.response_id) as place
from answers as a
join responses as r using (response_id)
join prompts as asked using (prompt_id)
order by r.model, r.prompt_id, r.response_id
