-- Verdicts on the chosen prompts: imported ones, which have no call, or by the wanted calls. Parameters: prompts_in
-- (relation of prompt_id), wanted (relation of call_id). Of a judge, the reading of its latest version counts.
with latest as (
    from votes semi join prompts_in using (prompt_id)
    qualify call_id is null
        or row_number() over (partition by call_id order by try_cast(annotator_version as integer) desc) = 1
)
select
    v.prompt_id,
    v.response_a,
    v.response_b,
    v.verdict,
    v.strength,
    v.annotator,
    v.shown_first,
    case when v.annotator_kind = 'human' then 'human:' || v.source else v.annotator end as label_source
from latest as v
where v.verdict is not null
    and (v.call_id is null or v.call_id in (select call_id from wanted))
order by v.prompt_id, v.vote_id
