-- Comparisons of some sources that most of the people who voted on them decided. Parameters: $sources.
with ballots as (
    select
        prompt_id, response_a, response_b, annotator, list(distinct source) as sources,
        sign(sum(case verdict when 'a' then 1 when 'b' then -1 else 0 end)) as says
    from votes
    where annotator_kind = 'human' and list_contains($sources, source) and verdict is not null
    group by prompt_id, response_a, response_b, annotator
)
select
    prompt_id, response_a, response_b,
    if(sum(says) > 0, 'a', 'b') as says,
    list_distinct(flatten(list(sources))) as sources
from ballots
group by prompt_id, response_a, response_b
having sum(says) <> 0
order by prompt_id, response_a, response_b
