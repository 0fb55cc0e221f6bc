-- Every stored reply to a judge, with what was asked. Parameters: $purpose, $model.
select call_id, status, raw_text, finish_reason, logprobs, completion_tokens, run_id, subject, request
from calls
where purpose = $purpose and model = $model and subject is not null
order by call_id
