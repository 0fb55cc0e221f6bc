-- Opinions on comparisons that several annotators of some kinds judged. Parameters: $kinds. Reads the views.
with judged as (
    select annotator, prompt_id, response_a || ':' || response_b as comparison, says, lean, orders is null as rated
    from opinions
    where list_contains($kinds, annotator_kind) and says is not null
)
from judged
qualify count(*) over (partition by comparison) > 1
order by comparison, annotator
