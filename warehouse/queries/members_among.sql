-- Members of a version among some pairs. Parameters: $dataset, $version, touched (relation of pair_id).
select pair_id, split, rule, label_source, margin, weight, soft_label
from (
    from dataset_rows semi join touched using (pair_id)
    where dataset = $dataset and version <= $version
    qualify row_number() over (partition by pair_id order by version desc) = 1
)
where op = 'add'
order by pair_id
