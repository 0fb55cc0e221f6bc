-- How many more votes say a than b about two responses to the chosen prompts. Parameters: prompts_in (relation of
-- prompt_id), $annotators (imported votes when empty). Of a judge, the reading of its latest version counts.
with latest as (
    from votes semi join prompts_in using (prompt_id)
    where if(len($annotators) = 0, call_id is null, list_contains($annotators, annotator))
    qualify call_id is null
        or row_number() over (partition by call_id order by try_cast(annotator_version as integer) desc) = 1
)
select
    prompt_id, response_a, response_b,
    count(*) filter (verdict = 'a') - count(*) filter (verdict = 'b') as net
from latest
group by all
having net <> 0
order by all
