-- One judge and one response that it rated: the mean over its ratings, all aspects and samples together.
with latest as (
    select
        s.judge || coalesce(':' || c.model, '') as judge, if(c.model is null, 'unknown', 'ai') as annotator_kind,
        s.response_id, s.value, s.failure
    from scores as s
    left join (select call_id, any_value(model) as model from calls group by call_id) as c using (call_id)
    where s.judge <> 'rubric' -- it says which items are met, and compares
    qualify rank() over (
        partition by s.judge, c.model, s.response_id, s.aspect
        order by try_cast(s.judge_version as integer) desc nulls last, s.judge_version desc nulls last
    ) = 1
)
select
    judge, -- name:model; a rule, and whoever is known from imported ratings, has a name alone
    any_value(annotator_kind) as annotator_kind, -- ai where a model was called, else unknown
    prompt_id, -- what the response answers
    response_id, -- what was rated
    avg(value) as score, -- mean rating, on the judge's own scale; NULL when none could be read or none applies
    count(value) as n, -- ratings
    count(failure) as failed, -- ratings that could not be read
from latest
join responses using (response_id)
group by judge, prompt_id, response_id
