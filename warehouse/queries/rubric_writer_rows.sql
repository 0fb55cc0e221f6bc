-- Prompts of a version, each with the items of the rubric accepted for it, or NULL; a prompt of both splits is held
-- out. A rubric of which an edited one was accepted gives way to that. Parameters: treated (relation),
-- pinned (relation of one snapshot).
with asked as (
    select prompt_id, min(split) as split
    from (
        select p.prompt_id, m.split from treated as m join pairs as p using (pair_id)
        union all
        select p.rejected_prompt_id, m.split from treated as m join pairs as p using (pair_id)
    )
    group by prompt_id
),
accepted as (
    select distinct rubric_id, prompt_id, parent_id from rubrics
    where accepted and agreement is not null and snapshot_id <= (select snapshot from pinned)
),
listed as (
    select prompt_id, rubric_id, list({kind: kind, text: text, weight: weight} order by number) as items
    from accepted
    join rubric_items using (rubric_id)
    where rubric_id not in (select parent_id from accepted where parent_id is not null)
    group by prompt_id, rubric_id
)
select prompts.messages as prompt, asked.split, listed.items
from asked
join prompts using (prompt_id)
left join listed using (prompt_id)
order by prompt_id, rubric_id
