-- Published versions, oldest first. Parameters: $dataset (NULL for all).
from datasets
where $dataset is null or dataset = $dataset
order by created_at, dataset, version
