-- Prompts of some sources, the first by id. Parameters: $sources, $most (NULL for all).
from prompts
where list_contains($sources, source)
order by prompt_id
limit coalesce($most, 9223372036854775807)
