-- One pair that comes into a dataset (1) or leaves it (-1) with a version. Most come once and stay.
with gone as (select dataset, pair_id, version from dataset_rows where op = 'remove'),
steps as (
    select dataset, pair_id, min(version) as version, 1 as step from dataset_rows group by dataset, pair_id
    union all
    select dataset, pair_id, version, -1 from gone
    union all
    select dataset, pair_id, version, 1
    from (
        select *, lag(op) over (partition by dataset, pair_id order by version) as before
        from dataset_rows semi join gone using (dataset, pair_id)
    )
    where op = 'add' and before = 'remove'
)
select
    dataset, -- the dataset
    pair_id, -- the pair
    version, -- its first version with the pair, or the first without
    step, -- 1 or -1: their sum over the versions up to one is the number of its pairs
from steps
