-- The responses of some comparisons. Parameters: known (relation of response_a and response_b).
from responses
semi join (select unnest([response_a, response_b]) as response_id from known) using (response_id)
order by prompt_id, response_id
