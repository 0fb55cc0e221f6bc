-- Rows that turn one version's members into another's. Parameters: old, new (relations of treatment columns).
select 'add' as op, *
from (from new except from old)
union all by name
select 'remove' as op, pair_id, null as split, null as rule, null as label_source, null as margin,
    null as weight, null as soft_label
from old anti join new using (pair_id)
order by pair_id
