-- One judge that saw answers of its own model: how often they win against others', beside most people and other judges.
select
    judge, -- name:model
    model, -- the judge's model
    count(*) as n, -- comparisons of one of its answers with one of another model
    avg(won) as own_rate, -- share that its own answers win; a tie counts half
    count(won_with_people) as n_people, -- those that people judged too
    avg(won) filter (won_with_people is not null) as own_rate_people, -- the judge's rate on these
    avg(won_with_people) as people_rate, -- and what most people give the same answers
    count(won_with_judges) as n_judges, -- those that other judges judged too
    avg(won) filter (won_with_judges is not null) as own_rate_judges, -- the judge's rate on these
    avg(won_with_judges) as judges_rate, -- and what the other judges give the same answers
from own_answers
group by judge, model
order by judge
