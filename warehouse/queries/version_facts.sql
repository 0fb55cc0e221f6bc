-- What is known of one version, a fact a row. Parameters: $dataset, $version.
with head as (from datasets where dataset = $dataset and version = $version),
facts as (
    select 1 as part, 'pairs' as what, n_pairs::varchar as value from head
    union all select 2, 'added', n_added::varchar from head
    union all select 3, 'removed', n_removed::varchar from head
    union all select 4, 'parent', coalesce(dataset || '@' || parent, 'none') from head
    union all select 5, 'fingerprint', fingerprint from head
    union all select 6, 'published', created_at::varchar from head
    union all select 7, 'message', message from head
    union all select 8, 'snapshot', snapshot::varchar from head
),
stages as (
    select unnest(from_json(funnel, '[{"stage":"VARCHAR","unit":"VARCHAR","read":"BIGINT","kept":"BIGINT","dropped":"MAP(VARCHAR,BIGINT)"}]')) as s
    from head
),
funnel as (
    select 9 as part, 'funnel: ' || s.stage as what,
        s.read || ' ' || s.unit || ', ' || s.kept || ' kept'
        || coalesce(', ' || nullif(array_to_string(list_transform(map_entries(s.dropped), lambda e: e.value || ' ' || e.key), ', '), ''), '') as value
    from stages
),
made as (
    select 10 as part, 'model' as what, path as value from models where dataset = $dataset and version = $version
)
select what, value
from (from facts union all from funnel union all from made)
order by part
