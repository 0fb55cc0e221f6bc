-- What is known of every version, a fact a row.
with head as (select *, dataset || '@' || version as label from datasets),
facts as (
    select label, 1 as part, 'pairs' as what, n_pairs::varchar as value from head
    union all select label, 2, 'added', n_added::varchar from head
    union all select label, 3, 'removed', n_removed::varchar from head
    union all select label, 4, 'parent', coalesce(dataset || '@' || parent, 'none') from head
    union all select label, 5, 'fingerprint', fingerprint from head
    union all select label, 6, 'published', created_at::varchar from head
    union all select label, 7, 'message', message from head
    union all select label, 8, 'recipe', coalesce(recipe->>'$.name', recipe) from head
    union all select label, 8, 'run', coalesce(run_id, 'none') from head
    union all select label, 9, 'snapshot', snapshot::varchar from head
),
stages as (
    select label, unnest(from_json(funnel, '[{"stage":"VARCHAR","unit":"VARCHAR","read":"BIGINT","kept":"BIGINT","dropped":"MAP(VARCHAR,BIGINT)"}]')) as s
    from head
),
funnel as (
    select label, 10 as part, 'funnel: ' || s.stage as what,
        s.read || ' ' || s.unit || ', ' || s.kept || ' kept'
        || coalesce(', ' || nullif(array_to_string(list_transform(map_entries(s.dropped), lambda e: e.value || ' ' || e.key), ', '), ''), '') as value
    from stages
),
made as (
    select dataset || '@' || version as label, 11 as part, 'model' as what, path as value from models
)
select label, what, value
from (from facts union all from funnel union all from made)
order by label, part, what, value
