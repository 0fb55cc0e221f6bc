-- One version: the model calls behind its pairs, those that wrote the responses and those that judged them.
with sides as (
    select m.dataset, m.version, m.pair_id, p.prompt_id, p.chosen_id, p.rejected_id
    from members as m
    join pairs as p using (pair_id)
),
answers as (
    select dataset, version, unnest([chosen_id, rejected_id]) as response_id from sides
),
behind as (
    select dataset, version, call_id from answers join responses using (response_id)
    union
    select dataset, version, call_id from answers join scores using (response_id)
    union
    select s.dataset, s.version, v.call_id
    from sides as s
    join votes as v
        on v.response_a = least(s.chosen_id, s.rejected_id) and v.response_b = greatest(s.chosen_id, s.rejected_id)
),
spent as (
    select
        call_id, sum(prompt_tokens) as prompt_tokens, sum(completion_tokens) as completion_tokens,
        sum(cost_usd) as cost_usd
    from calls
    group by call_id
),
totals as (
    select
        dataset, version, count(*) as calls, sum(prompt_tokens) as prompt_tokens,
        sum(completion_tokens) as completion_tokens, sum(cost_usd) as cost_usd
    from behind
    join spent using (call_id)
    group by dataset, version
)
select
    d.dataset, -- the dataset
    d.version, -- its version
    d.n_pairs, -- pairs of the version
    coalesce(t.calls, 0) as calls, -- different calls behind them; one that serves several pairs counts once
    coalesce(t.prompt_tokens, 0)::bigint as prompt_tokens, -- tokens that these calls read
    coalesce(t.completion_tokens, 0)::bigint as completion_tokens, -- tokens that they wrote
    t.cost_usd, -- US dollars; a call without a known price adds nothing, and NULL means that none has one
    (coalesce(t.prompt_tokens, 0) + coalesce(t.completion_tokens, 0)) / nullif(d.n_pairs, 0) as tokens_per_pair, -- tokens for a pair
    t.cost_usd / nullif(d.n_pairs, 0) as usd_per_pair, -- US dollars for a pair
from datasets as d
left join totals as t using (dataset, version)
order by d.dataset, d.version
