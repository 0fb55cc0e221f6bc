-- One rating of one response in one aspect: a person's, a rule's, or what the latest version of a judge reads of a reply.
with people as (
    select distinct annotator from votes where annotator_kind = 'human'
),
asked as (
    select call_id, any_value(model) as model, any_value(template_hash) as template from calls group by call_id
)
select
    s.judge || coalesce(':' || a.model, '') as judge, -- name:model; a rule, and whoever is known from imported ratings, has a name alone
    case
        when a.model is not null then 'ai'
        when s.judge in (from people) or regexp_matches(s.judge, '^human:|/annotators?(_\d+)?$') then 'human'
        else 'unknown'
    end as annotator_kind, -- ai where a model was called; human for a person who voted too, human:NAME, or annotators of a data set (FORMAT/annotators, FORMAT/annotator_1); else unknown
    r.prompt_id, -- what the response answers
    s.response_id, -- what was rated
    s.aspect, -- in which respect
    s.value, -- the rating; NULL with a failure, and where the aspect does not apply
    s.scale_lo, -- the least of the scale
    s.scale_hi, -- the greatest
    s.failure, -- why the reply gave no rating
    a.template, -- hash of the text that asked; NULL without a call
    s.call_id, -- the call, or the line of a file
from scores as s
join responses as r using (response_id)
left join asked as a on a.call_id = s.call_id
where s.judge <> 'rubric' -- it says which items are met, and compares
qualify rank() over (
    partition by s.judge, a.model, s.response_id, s.aspect
    order by try_cast(s.judge_version as integer) desc nulls last, s.judge_version desc nulls last
) = 1
