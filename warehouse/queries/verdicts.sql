-- Verdicts on the chosen prompts: by people, or by the wanted calls. Parameters: prompts_in (relation of prompt_id),
-- wanted (relation of call_id).
select
    v.prompt_id,
    v.response_a,
    v.response_b,
    v.verdict,
    v.strength,
    case when v.annotator_kind = 'human' then 'human:' || v.source else v.annotator end as label_source
from votes as v
semi join prompts_in using (prompt_id)
where v.verdict is not null
    and (v.annotator_kind = 'human' or v.call_id in (select call_id from wanted))
order by v.prompt_id, v.vote_id
