-- Prompts of a source, the first by id. Parameters: $source, $most (NULL for all).
from prompts
where source = $source
order by prompt_id
limit coalesce($most, 9223372036854775807)
