-- What earlier calls of a model for a purpose took: tokens, and calls per second in the last run that made several.
-- Parameters: $model, $purpose.
with earlier as (
    select prompt_tokens, completion_tokens, octet_length(encode(request)) as n_bytes, run_id, finished_at
    from calls
    where model = $model and purpose = $purpose
), runs as (
    select count(*) / nullif(epoch(max(finished_at) - min(finished_at)), 0) as calls_per_s, max(finished_at) as finished
    from earlier
    group by run_id
    having count(*) > 1
)
select
    sum(prompt_tokens) / nullif(sum(n_bytes), 0) as tokens_per_byte,
    avg(completion_tokens) as completion_tokens,
    (select last(calls_per_s order by finished) from runs) as calls_per_s
from earlier
