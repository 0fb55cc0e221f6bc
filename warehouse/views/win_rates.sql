-- One model against one other model, or against all others together. Comparisons within a model do not count.
with sides as (
    select response_a as mine, response_b as other, verdict = 'a' as won, verdict = 'tie' as tied from verdicts
    union all
    select response_b, response_a, verdict = 'b', verdict = 'tie' from verdicts
),
counts as (
    select
        one.model, two.model as opponent, count(*) as n,
        count(*) filter (won) as wins, count(*) filter (tied) as ties
    from sides
    join responses as one on one.response_id = mine
    join responses as two on two.response_id = other
    where one.model <> two.model
    group by grouping sets ((one.model, two.model), (one.model))
),
rates as (
    select *, (wins + ties / 2) / n as rate, 1.959963984540054 as z from counts
),
wilson as (
    select
        *,
        (rate + z * z / (2 * n)) / (1 + z * z / n) as middle,
        z / (1 + z * z / n) * sqrt(rate * (1 - rate) / n + z * z / (4 * n * n)) as half
    from rates
)
select
    model, -- whose wins are counted
    opponent, -- the other model; NULL: all others together
    n, -- verdicts
    wins, -- verdicts for `model`
    ties, -- verdicts for neither
    rate as win_rate, -- (wins + ties / 2) / n
    greatest(middle - half, 0) as low, -- 95 % Wilson interval of win_rate
    least(middle + half, 1) as high, -- its upper end
from wilson
order by opponent nulls first, win_rate desc, model
