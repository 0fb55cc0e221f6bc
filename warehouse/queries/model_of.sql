-- The last model that an objective made of a version. Parameters: $dataset, $version, $objective.
select path
from models
where dataset = $dataset and version = $version and json_extract_string(objective, '$.name') = $objective
order by created_at desc
limit 1
