-- One response under one rubric, as one judge sees it: the share of the items that it meets, by their weights.
with readings as (
    select call_id, response_id, aspect, value
    from scores
    where judge = 'rubric'
    qualify rank() over (
        partition by call_id order by try_cast(judge_version as integer) desc nulls last, judge_version desc nulls last
    ) = 1
),
asked as (
    select call_id, 'rubric:' || any_value(model) as judge from calls group by call_id
),
items as (
    select *, rubric_id || ':' || number as aspect from rubric_items
)
select
    rubric_id, -- the rubric
    response_id, -- the answer
    judge, -- rubric:model
    count(distinct call_id) as n, -- replies that can be read
    sum(weight * value) / nullif(sum(weight), 0) as score, -- weighted share of the items that are met, 0 to 1, over all replies
from items
join readings using (aspect)
join asked using (call_id)
where value is not null
group by rubric_id, response_id, judge
order by rubric_id, response_id, judge
