-- Rubrics of the chosen prompts, each once with its items in order and the last decision on it; the one that was stored
-- first comes first. Parameters: prompts_in (relation of prompt_id).
with decided as (
    select *, snapshot_id as stored_at -- of DuckLake: the commit that brought the row, whatever was merged since
    from rubrics semi join prompts_in using (prompt_id)
),
once as (
    select * exclude (stored_at), min(stored_at) over (partition by rubric_id) as first_at
    from decided
    qualify row_number() over (partition by rubric_id order by stored_at desc, checked_by) = 1
),
listed as (
    select rubric_id, list({kind: kind, text: text, weight: weight} order by number) as items
    from rubric_items semi join once using (rubric_id)
    group by rubric_id
)
select once.* exclude (first_at), coalesce(listed.items, []) as items
from once left join listed using (rubric_id)
order by first_at, rubric_id
