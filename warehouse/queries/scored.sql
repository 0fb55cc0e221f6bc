-- Mean aspect score of every response that the wanted calls rated. Parameters: wanted (relation of call_id).
select
    r.prompt_id,
    s.response_id,
    avg(s.value) as score,
    count(s.value) as n_aspects,
    any_value(s.judge || ':' || c.model) as label_source
from scores as s
semi join wanted using (call_id)
join (select call_id, any_value(model) as model from calls group by call_id) as c using (call_id)
join responses as r using (response_id)
group by r.prompt_id, s.response_id
order by r.prompt_id, s.response_id
