-- One judge and one comparison of an answer of its own model with one of another, beside most people and other judges.
with judges as (
    select *, substr(annotator, strpos(annotator, ':') + 1) as model
    from opinions
    where annotator_kind <> 'human' and says is not null
),
points as (
    select
        j.annotator, j.model, j.prompt_id, j.response_a, j.response_b,
        if(a.model = j.model, 'a', 'b') as own,
        case j.says when own then 1 when 'tie' then 0.5 else 0 end as won
    from judges as j
    join responses as a on a.response_id = j.response_a
    join responses as b on b.response_id = j.response_b
    where (a.model = j.model) <> (b.model = j.model)
),
others as (
    select
        p.annotator, p.prompt_id, p.response_a, p.response_b,
        avg(case o.says when p.own then 1 when 'tie' then 0.5 else 0 end) as won
    from points as p
    join judges as o using (prompt_id, response_a, response_b)
    where o.annotator <> p.annotator
    group by all
)
select
    p.annotator as judge, -- name:model
    p.model, -- the judge's model
    p.prompt_id, -- what both answer
    p.response_a, -- the response whose id comes first
    p.response_b, -- the other one
    p.won::double as won, -- 1 where its own answer wins, 0.5 for a tie, else 0
    o.won as won_with_judges, -- the same for the other judges, the mean of them; NULL where there is none
    case when m.says = p.own then 1.0 when m.says = 'tie' then 0.5 when m.says is not null then 0.0 end::double as won_with_people, -- and for most people; NULL where nobody judged it
from points as p
left join others as o using (annotator, prompt_id, response_a, response_b)
left join people_majority as m using (prompt_id, response_a, response_b)
