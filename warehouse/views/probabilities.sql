-- One judge that gives log-probabilities, and one comparison: how likely it is to call the first response the better one.
-- pairwise_logprobs: the mean of both orders' probabilities. yes_token and reward_model: the logistic function of the
-- difference of log-odds or rewards (Bradley and Terry).
with orders as (
    select
        annotator as judge, prompt_id, response_a, response_b, shown_first,
        avg(1 / (1 + exp(-least(strength, 30) * case verdict when 'a' then 1 when 'b' then -1 else 0 end))) as p
    from verdicts
    where annotator like 'pairwise_logprobs:%' and strength is not null
    group by all
),
odds as (
    select
        judge, prompt_id, response_id,
        if(judge like 'yes_token:%', ln(greatest(score, 1e-9) / greatest(1 - score, 1e-9)), score) as reward
    from judge_ratings
    where (judge like 'yes_token:%' or judge like 'reward_model:%') and score is not null
),
likely as (
    select judge, prompt_id, response_a, response_b, avg(p) as p from orders group by all
    union all
    select a.judge, a.prompt_id, a.response_id, b.response_id, 1 / (1 + exp(-greatest(-30, least(30, a.reward - b.reward))))
    from odds as a
    join odds as b on b.judge = a.judge and b.prompt_id = a.prompt_id and a.response_id < b.response_id
)
select
    l.judge, -- name:model
    prompt_id, -- what both answer
    response_a, -- the response whose id comes first
    response_b, -- the other one
    l.p, -- probability that a is better
    m.says as people_say, -- what most people say: a, b or tie; NULL where nobody judged it
from likely as l
left join people_majority as m using (prompt_id, response_a, response_b)
