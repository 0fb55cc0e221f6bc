-- Mean rating of every response by the wanted calls and rules, by the judge's latest version.
-- Parameters: wanted (relation of call_id), $aspects (those that count; NULL: all but `overall`, which is on a scale of
-- its own and counts where there is nothing else), $later (judges as NAME:MODEL whose ratings only break ties, the first
-- before the next: in the fifth decimal, the ninth and so on). `scales` are those of the ratings in the mean.
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
models as (select call_id, any_value(model) as model from calls semi join counted using (call_id) group by call_id),
judged as (select s.*, s.judge || coalesce(':' || m.model, '') as who from counted as s left join models as m using (call_id)),
said as ( -- by one judge about one aspect, in one reply or several; without a value or a failure it does not apply
    select
        response_id,
        who,
        aspect,
        sum(value) as total,
        count(value) as n_values,
        count(value) > 0 or bool_and(failure is not null) as applies,
        list(distinct {lo: scale_lo, hi: scale_hi, aspect: aspect}) filter (value is not null) as scales
    from judged
    group by response_id, who, aspect
),
opinions as (
    select
        response_id,
        coalesce(list_position($later::varchar[], who), 0) as place,
        sum(total) / sum(n_values) as mean,
        count(*) filter (n_values > 0) as n_rated,
        count(*) filter (applies) as n_asked,
        list(distinct who order by who) filter (n_values > 0) as label_sources,
        list_distinct(flatten(list(scales) filter (n_values > 0))) as scales
    from said
    group by response_id, place
)
select
    r.prompt_id,
    o.response_id,
    max(o.mean) filter (place = 0) + coalesce(sum(o.mean * power(1e-4, place)) filter (place > 0), 0) as score,
    max(o.n_rated) filter (place = 0) as n_rated,
    max(o.n_asked) filter (place = 0) as n_asked,
    coalesce(any_value(o.label_sources) filter (place = 0), []) as label_sources,
    any_value(o.scales) filter (place = 0) as scales
from opinions as o
join responses as r using (response_id)
group by r.prompt_id, o.response_id
having n_asked is not null
order by r.prompt_id, o.response_id
