-- One annotator and one feature of style: how often the answer that has more of it wins, beside most people.
with choices as (
    select
        o.annotator, c.feature,
        (o.says = c.has_more)::integer as won,
        (p.says = c.has_more)::integer as won_with_people
    from opinions as o
    join style_contrasts as c using (prompt_id, response_a, response_b)
    left join people_majority as p
        on p.prompt_id = o.prompt_id and p.response_a = o.response_a and p.response_b = o.response_b
            and p.says <> 'tie'
    where o.says <> 'tie'
)
select
    annotator, -- who judged
    feature, -- length, list, markdown or code, as in style_contrasts
    count(*) as n, -- comparisons that it decided and the feature tells apart
    avg(won) as share, -- share of these for the answer with more of it
    count(won_with_people) as n_people, -- those that most people decided too
    avg(won) filter (won_with_people is not null) as share_there, -- the annotator's share on these
    avg(won_with_people) as people_share, -- and that of most people
from choices
group by annotator, feature
order by annotator, feature
