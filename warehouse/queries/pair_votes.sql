-- What some annotators say of pairs whose sides answer one prompt. Parameters: treated (relation of pair_id), annotators
-- (relation of annotator). Of a judge, the reading of its latest version counts.
with latest as (
    from votes semi join annotators using (annotator)
    qualify rank() over (
        partition by annotator, prompt_id, response_a, response_b, shown_first
        order by try_cast(annotator_version as integer) desc nulls last, annotator_version desc nulls last
    ) = 1
)
select
    p.pair_id, p.chosen_id, v.vote_id, v.annotator, v.response_a, v.response_b, v.shown_first, v.verdict, v.strength
from treated as m
join pairs as p using (pair_id)
join latest as v
    on v.prompt_id = p.prompt_id
        and v.response_a = least(p.chosen_id, p.rejected_id) and v.response_b = greatest(p.chosen_id, p.rejected_id)
where v.verdict is not null and p.prompt_id = p.rejected_prompt_id
order by v.vote_id
