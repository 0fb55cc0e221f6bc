-- One criterion of a rubric, as one judge applies it: how often it is met, and whether it is worth its tokens.
with readings as (
    select call_id, response_id, aspect, value, failure
    from scores
    where judge = 'rubric'
    qualify rank() over (
        partition by call_id order by try_cast(judge_version as integer) desc nulls last, judge_version desc nulls last
    ) = 1
),
winners as (
    select call_id, case verdict when 'a' then response_a when 'b' then response_b end as winner
    from votes
    where call_id is not null
    qualify row_number() over (
        partition by call_id
        order by try_cast(annotator_version as integer) desc nulls last, annotator_version desc nulls last
    ) = 1
),
asked as (
    select
        call_id, 'rubric:' || any_value(model) as judge, sum(prompt_tokens + completion_tokens) as tokens,
        sum(cost_usd) as usd
    from calls
    group by call_id
),
items as (
    select *, rubric_id || ':' || number as aspect, count(*) over (partition by rubric_id) as n_items
    from rubric_items
),
verdicts as (
    select
        rubric_id, number, asked.judge, response_id, call_id, value, failure, asked.tokens / n_items as tokens,
        asked.usd / n_items as usd, winner = response_id as won
    from items
    join readings using (aspect)
    join asked using (call_id)
    left join winners using (call_id)
),
by_response as (
    select rubric_id, number, judge, sum(value) as met, count(value) as n
    from verdicts
    group by rubric_id, number, judge, response_id
),
repeated as (
    select
        rubric_id, number, judge,
        sum(met * (met - 1) + (n - met) * (n - met - 1)) / nullif(sum(n * (n - 1)), 0) as consistency
    from by_response
    group by rubric_id, number, judge
),
by_call as (
    select distinct rubric_id, number, judge, call_id, tokens, usd from verdicts
),
spent as (
    select rubric_id, number, judge, sum(tokens) as tokens, sum(usd) as usd from by_call group by rubric_id, number, judge
),
counts as (
    select
        rubric_id, number, judge, count(value) as n, count(failure) as failed, avg(value) as met_rate,
        avg(value) filter (won) - avg(value) filter (not won) as discrimination
    from verdicts
    group by rubric_id, number, judge
)
select
    rubric_id, -- the rubric
    number, -- the criterion's place in it, from 1
    prompt_id, -- what the rubric is for
    kind, -- hard (the prompt demands it) or principle
    text, -- the criterion
    weight, -- how much it counts
    judge, -- rubric:model
    n, -- verdicts on it: met or not
    failed, -- verdicts that could not be read
    met_rate, -- share of the verdicts that it is met
    consistency, -- share of the pairs of verdicts on the same response (repeated, other order, other opponent) that are equal; NULL without a pair
    discrimination, -- how much more often winners meet it than losers, by the verdict of the same reply; NULL where no reply names a winner
    tokens, -- its share of the tokens of these calls: a call's tokens are split evenly among its items
    usd, -- its share of their price in US dollars; a call without a known price adds nothing, and NULL means that none has one
from counts
join rubric_items using (rubric_id, number)
join (select rubric_id, any_value(prompt_id) as prompt_id from rubrics group by rubric_id) using (rubric_id)
join repeated using (rubric_id, number, judge)
join spent using (rubric_id, number, judge)
order by rubric_id, number, judge
