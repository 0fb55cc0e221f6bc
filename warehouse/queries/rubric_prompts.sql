-- Prompts that have rubrics. Parameters: $id (of a prompt, or of a rubric; NULL for all).
from prompts semi join (
    select prompt_id from rubrics where $id is null or prompt_id = $id or rubric_id = $id
) using (prompt_id)
order by prompt_id
