-- One judge that gives log-probabilities and one tenth of the scale of its confidence, beside most people.
with known as (
    select
        judge, greatest(p, 1 - p) as confidence,
        case when p = 0.5 then 0.5 when (p > 0.5) = (people_say = 'a') then 1 else 0 end as agree
    from probabilities
    where people_say <> 'tie'
)
select
    judge, -- name:model
    least(floor(confidence * 10), 9)::integer as bin, -- 5 holds confidences from 0.5, 9 those from 0.9
    count(*) as n, -- comparisons that most people decided
    avg(confidence) as confidence, -- mean probability of the response that the judge favours
    avg(agree) as agree, -- share on which most people favour it too; as large as the confidence if that can be believed
from known
group by all
order by judge, bin
