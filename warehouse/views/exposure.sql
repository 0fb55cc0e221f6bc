-- One source, licence, model, annotator or user in one version that holds pairs with it.
with stepped as (
    select o.kind, o.name, s.dataset, s.version, sum(s.step) as step
    from origins as o
    join member_steps as s using (pair_id)
    group by all
),
counted as (
    select s.kind, s.name, d.dataset, d.version, sum(s.step)::bigint as pairs
    from datasets as d
    join stepped as s on s.dataset = d.dataset and s.version <= d.version
    group by all
)
select
    c.kind, -- source, license, model (that answered), annotator (that voted), or user: who asked, or a person who voted
    c.name, -- its name
    c.dataset, -- the dataset
    c.version, -- its version
    c.pairs, -- pairs of the version with it
    coalesce(t.models, []) as models, -- ids in `models` of what was trained from the version, or from what that made
from counted as c
left join (select dataset, version, list(model_id order by model_id) as models from descendants group by all) as t
    using (dataset, version)
where c.pairs > 0
