-- Responses to the chosen prompts. Parameters: prompts_in (relation of prompt_id).
from responses semi join prompts_in using (prompt_id)
order by prompt_id, response_id
