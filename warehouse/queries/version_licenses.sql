-- How many pairs of a version come from which source under which licence; a pair of several counts for each.
-- Parameters: treated (relation), pinned (relation of one snapshot).
with known as (
    select prompt_id, source, license from prompts
    union
    select row_id, source, license from other_sources
    where row_kind = 'prompt' and snapshot_id <= (select snapshot from pinned)
)
select asked.source, coalesce(asked.license, 'not stated') as license, count(*) as pairs
from treated as m
join pairs as p using (pair_id)
join known as asked using (prompt_id)
group by all
order by pairs desc, source, license
