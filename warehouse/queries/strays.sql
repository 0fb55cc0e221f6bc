-- Prompts that are not stored, though responses or votes of them are.
select distinct prompt_id
from (select prompt_id from responses union all select prompt_id from votes)
anti join prompts using (prompt_id)
