-- Prompts of some sources, the first by id, with what is known about them. Parameters: $sources, $most (NULL for all).
from known_prompts(null)
where list_contains($sources, source)
order by prompt_id
limit coalesce($most, 9223372036854775807)
