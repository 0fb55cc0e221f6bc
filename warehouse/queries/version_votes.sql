-- Votes on the comparisons of a version, with both answers in the order shown; a comparison without any has one row
-- of nulls, and one of both splits is held out. Parameters: treated (relation), pinned (relation of one snapshot). Of a
-- judge, the reading of its latest version counts.
with asked as (
    select p.prompt_id, least(p.chosen_id, p.rejected_id) as response_a, greatest(p.chosen_id, p.rejected_id) as response_b, min(m.split) as split
    from treated as m join pairs as p using (pair_id)
    group by all
),
latest as (
    from votes semi join asked using (prompt_id, response_a, response_b)
    where snapshot_id <= (select snapshot from pinned)
    qualify rank() over (
        partition by annotator, prompt_id, response_a, response_b, shown_first
        order by try_cast(annotator_version as integer) desc nulls last, annotator_version desc nulls last
    ) = 1
)
select
    a.split,
    v.vote_id,
    asking.messages as prompt,
    asking.source,
    one.text as first,
    one.model as first_model,
    other.text as second,
    other.model as second_model,
    case when v.verdict = 'tie' then 'tie' when (v.verdict = 'a') = (v.shown_first = v.response_a) then 'first' when v.verdict is not null then 'second' end as winner,
    v.strength,
    v.annotator,
    v.annotator_kind,
    v.justification
from asked as a
left join latest as v using (prompt_id, response_a, response_b)
left join prompts as asking on asking.prompt_id = v.prompt_id
left join responses as one on one.response_id = v.shown_first
left join responses as other on other.response_id = if(v.shown_first = v.response_a, v.response_b, v.response_a)
order by a.prompt_id, a.response_a, a.response_b, v.vote_id
