-- Mean score that each named annotator gave each response to the chosen prompts. Parameters: prompts_in (relation of
-- prompt_id), $annotators (JUDGE:MODEL, or JUDGE for one without a model). Of a judge, its latest version counts.
with answers as (
    select prompt_id, response_id from responses semi join prompts_in using (prompt_id)
),
asked as (
    select call_id, any_value(model) as model from calls group by call_id
),
latest as (
    select
        answers.prompt_id, s.response_id, s.judge || coalesce(':' || asked.model, '') as annotator, s.value
    from scores as s
    join answers on answers.response_id = s.response_id
    left join asked on asked.call_id = s.call_id
    where list_contains($annotators, annotator)
    qualify row_number() over (
        partition by s.call_id, s.response_id, s.aspect order by try_cast(s.judge_version as integer) desc
    ) = 1
)
select prompt_id, response_id, annotator, avg(value) as rating
from latest
group by all
having rating is not null
order by all
