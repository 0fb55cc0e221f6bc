-- Stages of the run that published a version. Parameters: $dataset, $version.
select
    r.stage,
    from_json(r.funnel, '{"unit":"VARCHAR","read":"BIGINT","kept":"BIGINT","dropped":"MAP(VARCHAR,BIGINT)"}') as funnel,
    r.calls_made,
    r.calls_reused,
    r.seconds
from runs as r
join datasets as d on d.run_id = r.run_id
where d.dataset = $dataset and d.version = $version
order by r.finished_at
