-- Prompts by id, with what was known about them. Parameters: prompts_in (relation of prompt_id), $until (snapshot; today
-- when NULL).
from known_prompts($until) semi join prompts_in using (prompt_id)
order by prompt_id
