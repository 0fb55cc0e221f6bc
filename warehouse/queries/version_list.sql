-- Versions as `prefinery versions` lists them. Parameters: $dataset (NULL for all).
select
    dataset || '@' || version as version,
    n_pairs as pairs,
    n_added as added,
    n_removed as removed,
    fingerprint,
    created_at as published,
    message
from datasets
where $dataset is null or dataset = $dataset
order by created_at, dataset, datasets.version
