-- Rubrics of the chosen prompts, each once, with their items in order. Parameters: prompts_in (relation of prompt_id).
with once as (
    select rubric_id, prompt_id, writer, writer_version, parent_id, contrasted
    from rubrics semi join prompts_in using (prompt_id)
    qualify row_number() over (partition by rubric_id order by parent_id nulls last, checked_by) = 1
),
listed as (
    select rubric_id, list({kind: kind, text: text, weight: weight} order by number) as items
    from rubric_items semi join once using (rubric_id)
    group by rubric_id
)
select once.*, coalesce(listed.items, []) as items
from once left join listed using (rubric_id)
order by rubric_id
