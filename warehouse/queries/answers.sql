-- The last attempt of each wanted request, in their order; only its key where there is none. Parameters: wanted (relation
-- of call_id and position).
with latest as (
    select call_id, status, raw_text, finish_reason, logprobs, completion_tokens, run_id
    from calls semi join wanted using (call_id)
    qualify row_number() over (partition by call_id order by attempt desc) = 1
)
select call_id, status, raw_text, finish_reason, logprobs, completion_tokens, run_id
from wanted left join latest using (call_id)
order by position
