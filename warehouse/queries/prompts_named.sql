-- Prompts by id. Parameters: prompts_in (relation of prompt_id).
from prompts semi join prompts_in using (prompt_id)
order by prompt_id
