-- Prompts of some sources, the first by id, with what is known about them. A prompt that came again under one of them is
-- of it, too. Parameters: $sources, $most (NULL for all).
from known_prompts(null)
where list_contains($sources, source) or prompt_id in (
    select row_id from other_sources where row_kind = 'prompt' and list_contains($sources, source)
)
order by prompt_id
limit coalesce($most, 9223372036854775807)
