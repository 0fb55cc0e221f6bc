-- One model that owes something to one version: trained on its pairs, or with a model that was.
-- A name that leads back to itself ends somewhere.
with recursive owing as (
    select dataset, version, model_id, 0 as steps from models
    union
    select o.dataset, o.version, u.model_id, o.steps + 1
    from owing as o
    join model_uses as u on u.used_id = o.model_id
    where o.steps < 100
)
select
    dataset, -- the dataset
    version, -- its version
    model_id, -- the model in `models`
    min(steps) as steps, -- models in between: 0 was trained on the version itself
from owing
group by dataset, version, model_id
