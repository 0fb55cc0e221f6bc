-- One judge that saw answers of its own model: how often they win against others', beside most people and other judges.
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
),
beside as (
    select
        p.annotator, p.model, p.won, o.won as won_with_judges,
        case when m.says = p.own then 1 when m.says = 'tie' then 0.5 when m.says is not null then 0 end as won_with_people
    from points as p
    left join others as o using (annotator, prompt_id, response_a, response_b)
    left join people_majority as m using (prompt_id, response_a, response_b)
)
select
    annotator as judge, -- name:model
    model, -- the judge's model
    count(*) as n, -- comparisons of one of its answers with one of another model
    avg(won) as own_rate, -- share that its own answers win; a tie counts half
    count(won_with_people) as n_people, -- those that people judged too
    avg(won) filter (won_with_people is not null) as own_rate_people, -- the judge's rate on these
    avg(won_with_people) as people_rate, -- and what most people give the same answers
    count(won_with_judges) as n_judges, -- those that other judges judged too
    avg(won) filter (won_with_judges is not null) as own_rate_judges, -- the judge's rate on these
    avg(won_with_judges) as judges_rate, -- and what the other judges give the same answers
from beside
group by annotator, model
order by annotator
