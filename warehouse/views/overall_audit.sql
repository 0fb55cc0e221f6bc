-- One overall score from 1 to 10 of a response that was also rated in aspects from 1 to 5: whether the two contradict.
with latest as (
    select
        s.judge || coalesce(':' || c.model, '') as judge, s.response_id, s.aspect, s.value, s.scale_lo, s.scale_hi
    from scores as s
    left join (select call_id, any_value(model) as model from calls group by call_id) as c using (call_id)
    qualify rank() over (
        partition by s.judge, c.model, s.response_id, s.aspect
        order by try_cast(s.judge_version as integer) desc nulls last, s.judge_version desc nulls last
    ) = 1
),
rated as (
    select response_id, avg(value) as fine_grained_score, count(distinct aspect) as n_aspects
    from latest
    where aspect <> 'overall' and scale_lo = 1 and scale_hi = 5 and value is not null
    group by response_id
)
select
    o.judge, -- who gave the overall score: name:model, or a name alone
    r.prompt_id, -- what the response answers
    response_id, -- what was rated
    r.model, -- who wrote it
    o.value as overall_score, -- from 1 to 10
    fine_grained_score, -- mean of its ratings in aspects, of all judges, from 1 to 5
    n_aspects, -- aspects that were rated
    (o.value >= 9 and fine_grained_score <= 2) or (o.value <= 2 and fine_grained_score >= 4.5) as audit_flag, -- one says best, the other worst: a parser once made 10 of every 1
from latest as o
join rated using (response_id)
join responses as r using (response_id)
where o.aspect = 'overall' and o.scale_lo = 1 and o.scale_hi = 10 and o.value is not null
order by o.judge, response_id
