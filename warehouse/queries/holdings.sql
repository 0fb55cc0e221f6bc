-- What a version holds pairs of. Parameters: treated (relation of pair_id), $dataset, $version.
select
    o.kind, o.name, count(*) as pairs,
    coalesce((select list(model_id order by model_id) from descendants where dataset = $dataset and version = $version), []) as models
from origins as o semi join treated using (pair_id)
group by o.kind, o.name
order by o.kind, o.name
