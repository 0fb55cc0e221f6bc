-- One verdict or rating that a stored reply to a judge gave or did not give, as the latest version of the judge reads it.
with asked as (
    select call_id, any_value(model) as model, any_value(template_hash) as template from calls group by call_id
),
readings as (
    select annotator as judge, annotator_version as judge_version, call_id, prompt_id, failure
    from votes
    where annotator_kind in ('ai', 'rm')
    union all
    select s.judge || ':' || a.model, s.judge_version, s.call_id, r.prompt_id, s.failure
    from scores as s
    join asked as a on a.call_id = s.call_id
    join responses as r using (response_id)
)
select
    judge, -- name:model
    judge_version, -- the version that read the reply
    template, -- hash of the text that asked; NULL for a judge without one
    prompt_id, -- what was answered
    call_id, -- the call; every try is one
    failure, -- why it gave nothing; NULL when it did
from readings
join asked using (call_id)
qualify rank() over (
    partition by call_id order by try_cast(judge_version as integer) desc nulls last, judge_version desc nulls last
) = 1
