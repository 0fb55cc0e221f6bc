-- One annotator's opinion on one comparison: its verdicts in all orders together, or which answer it rated higher.
with latest as (
    from votes
    qualify rank() over (
        partition by annotator, prompt_id, response_a, response_b, shown_first
        order by try_cast(annotator_version as integer) desc nulls last, annotator_version desc nulls last
    ) = 1
),
orders as (
    select
        annotator, annotator_kind, prompt_id, response_a, response_b, shown_first,
        sum(case verdict when 'a' then 1 when 'b' then -1 else 0 end) as balance,
        sum(case verdict when 'a' then 1 when 'b' then -1 else 0 end * coalesce(strength, 1)) as strength,
        count(verdict) as n, count(*) - count(verdict) as failed
    from latest
    group by all
),
voted as (
    select
        annotator, annotator_kind, prompt_id, response_a, response_b,
        sum(sign(balance)) as total,
        sum(strength) / nullif(sum(n), 0) as lean,
        count(*) filter (n > 0) as orders,
        if(count(*) filter (n > 0) = 2, min(sign(balance)) * max(sign(balance)) = -1, null) as flipped,
        sum(n) as n,
        sum(failed) as failed
    from orders
    group by annotator, annotator_kind, prompt_id, response_a, response_b
),
ranked as (
    select
        a.judge as annotator, a.annotator_kind, a.prompt_id,
        a.response_id as response_a, b.response_id as response_b,
        coalesce(sign(a.score - b.score), 0) as total,
        a.score - b.score as lean,
        null as orders,
        null as flipped,
        if(a.score is null or b.score is null, 0, 1) as n,
        a.failed + b.failed as failed
    from judge_ratings as a
    join judge_ratings as b
        on b.judge = a.judge and b.prompt_id = a.prompt_id and a.response_id < b.response_id
),
ranked_only as ( -- who compared two answers has said so, whatever the ratings are
    from ranked anti join voted using (annotator, prompt_id, response_a, response_b)
)
select
    annotator, -- who judged; a judge is name:model, a rule its name
    annotator_kind, -- human, ai, rm or unknown
    prompt_id, -- what both answer
    response_a, -- the response whose id comes first
    response_b, -- the other one
    case when n = 0 then null when total > 0 then 'a' when total < 0 then 'b' else 'tie' end as says, -- a, b or tie, which is also what opposite verdicts in the two orders come to; NULL when nothing could be read
    total::integer as total, -- JudgeBench: each order counts 1 for a, -1 for b, 0 for a tie or a failure; ratings are one order
    lean, -- how much better a is: mean signed strength (1 where none is given), or the difference of the mean ratings
    orders, -- orders with a readable verdict, 1 or 2; NULL for ratings
    flipped, -- whether the two orders name opposite winners; NULL unless both could be read
    n::integer as n, -- readable verdicts; 1 for ratings
    failed::integer as failed, -- verdicts or ratings that could not be read
from (from voted union all by name from ranked_only)
