-- One stage of one run: where its rows went. read = kept + dropped.
with stages as (
    select
        *,
        from_json(funnel, '{"unit":"VARCHAR","read":"BIGINT","kept":"BIGINT","dropped":"MAP(VARCHAR,BIGINT)"}') as f
    from runs
)
select
    run_id, -- the run
    stage, -- the stage, in the words of `runs`
    f.unit as unit, -- what is counted: responses, verdicts, comparisons
    f.read as read, -- rows that the stage began with
    f.kept as kept, -- rows that went on
    coalesce(list_sum(map_values(f.dropped)), 0)::bigint as dropped, -- rows that did not
    f.dropped as reasons, -- their number by reason; unnest(map_entries(reasons)) makes rows of it
    finished_at, -- when the stage ended, UTC
from stages
order by finished_at, run_id, stage
