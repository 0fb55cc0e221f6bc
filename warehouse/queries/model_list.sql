-- Models, oldest first. No parameters.
select
    dataset || '@' || version as data,
    json_extract_string(objective, '$.name') as objective,
    base,
    fingerprint,
    metrics,
    path,
    created_at
from models
order by created_at
