-- Versions that hold pairs of a name, and the models that owe them something: the view `exposure` for one name, faster.
-- Parameters: $kind, $name.
with stepped as (
    select dataset, version, sum(step) as step
    from member_steps semi join touching($kind, $name) using (pair_id)
    group by all
),
counted as (
    select d.dataset, d.version, sum(s.step)::bigint as pairs
    from datasets as d
    join stepped as s on s.dataset = d.dataset and s.version <= d.version
    group by all
),
owing as (select dataset, version, list(model_id order by model_id) as models from descendants group by all)
select c.dataset, c.version, c.pairs, coalesce(o.models, []) as models
from counted as c
left join owing as o using (dataset, version)
where c.pairs > 0
order by c.dataset, c.version
