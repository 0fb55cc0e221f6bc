-- One comparison that people judged: what most of them say. Each of them counts once.
select
    prompt_id, -- what both answer
    response_a, -- the response whose id comes first
    response_b, -- the other one
    count(*) as n_people, -- people
    count(*) filter (says = 'a') as for_a, -- those for a
    count(*) filter (says = 'b') as for_b, -- those for b
    case when for_a > for_b then 'a' when for_a < for_b then 'b' else 'tie' end as says, -- what more of them say; tie when neither side has more
from opinions
where annotator_kind = 'human' and says is not null
group by prompt_id, response_a, response_b
