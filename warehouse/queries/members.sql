-- Members of a dataset version. Parameters: $dataset, $version.
select pair_id, split, rule, label_source, margin, weight, soft_label
from (
    from dataset_rows
    where dataset = $dataset and version <= $version
    qualify row_number() over (partition by pair_id order by version desc) = 1
)
where op = 'add'
order by pair_id
