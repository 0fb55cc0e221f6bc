-- One annotator: how much the order of the answers decides.
with sides as (
    select
        *,
        verdict = 'tie' as tied,
        coalesce(winner = shown_first, false) as for_first,
        case verdict when 'a' then 1 when 'b' then -1 else 0 end as sign
    from verdicts
),
orders as (
    select annotator, prompt_id, response_a, response_b, shown_first, sign(sum(sign)) as says
    from sides
    group by all
),
both_orders as (
    select annotator, prompt_id, response_a, response_b, min(says) = max(says) as same, min(says) * max(says) = -1 as opposite
    from orders
    group by all
    having count(*) = 2
),
consistency as (
    select annotator, count(*) as n_both_orders, avg(same::integer) as consistent, avg(opposite::integer) as flipped
    from both_orders
    group by annotator
),
counts as (
    select annotator, count(*) as n, count(*) filter (tied) as ties, count(*) filter (for_first) as first_wins
    from sides
    group by annotator
)
select
    annotator, -- who judged
    n, -- verdicts
    ties, -- verdicts for neither
    first_wins / nullif(n - ties, 0) as first_rate, -- share of the verdicts, without ties, for the answer shown first
    coalesce(n_both_orders, 0) as n_both_orders, -- comparisons judged in both orders
    consistent, -- share of these with the same verdict in both
    flipped, -- share of these with opposite winners
from counts
left join consistency using (annotator)
order by annotator
