-- How many pairs of a version come from which source under which licence. Parameters: treated (relation).
select asked.source, coalesce(asked.license, 'not stated') as license, count(*) as pairs
from treated as m
join pairs as p using (pair_id)
join prompts as asked using (prompt_id)
group by all
order by pairs desc, source, license
