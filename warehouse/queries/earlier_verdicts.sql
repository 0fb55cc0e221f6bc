-- What was read in the replies to a judge before: by the last version that is not today's, else by today's.
-- Parameters: $judge, $annotator, $today.
with read_before as (
    select
        call_id, response_id as response, aspect, judge_version as version,
        coalesce(failure, case when value is null then 'not applicable' else printf('%g', value) end) as said
    from scores
    where judge = $judge
    union all
    select call_id, shown_first, 'vote', annotator_version, coalesce(failure, verdict)
    from votes
    where annotator = $annotator
)
select call_id, response, aspect, said
from read_before
qualify row_number() over (
    partition by call_id, response, aspect order by version = $today, try_cast(version as integer) desc
) = 1
