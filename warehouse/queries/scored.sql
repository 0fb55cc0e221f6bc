-- Mean rating of every response by the wanted calls and rules, by the judge's latest version.
-- Parameters: wanted (relation of call_id), $aspects (those that count; NULL: all but `overall`, which is on a scale of
-- its own and counts where there is nothing else).
with latest as (
    from scores semi join wanted using (call_id)
    where judge <> 'rubric' -- whether an item is met is no rating
    qualify row_number() over (
        partition by call_id, response_id, aspect order by try_cast(judge_version as integer) desc
    ) = 1
),
counted as (
    from latest
    where case
        when $aspects::varchar[] is not null then list_contains($aspects::varchar[], aspect)
        else aspect <> 'overall' or not exists (from latest where aspect <> 'overall')
    end
),
models as (select call_id, any_value(model) as model from calls semi join counted using (call_id) group by call_id)
select
    r.prompt_id,
    s.response_id,
    avg(s.value) as score,
    count(distinct (s.judge, m.model, s.aspect)) filter (s.value is not null) as n_rated,
    count(distinct (s.judge, m.model, s.aspect)) as n_asked,
    any_value(s.judge || coalesce(':' || m.model, '')) as label_source
from counted as s
left join models as m using (call_id)
join responses as r using (response_id)
group by r.prompt_id, s.response_id
order by r.prompt_id, s.response_id
