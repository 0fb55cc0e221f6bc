-- Mean aspect score of every response that the wanted calls rated, by the judge's latest version. Parameters: wanted
-- (relation of call_id).
with latest as (
    from scores semi join wanted using (call_id)
    qualify row_number() over (
        partition by call_id, response_id, aspect order by try_cast(judge_version as integer) desc
    ) = 1
)
select
    r.prompt_id,
    s.response_id,
    avg(s.value) as score,
    count(s.value) as n_aspects,
    any_value(s.judge || ':' || c.model) as label_source
from latest as s
join (select call_id, any_value(model) as model from calls group by call_id) as c using (call_id)
join responses as r using (response_id)
group by r.prompt_id, s.response_id
order by r.prompt_id, s.response_id
