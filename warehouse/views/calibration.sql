-- One judge and one tenth of its decided comparisons, from its weakest to its strongest opinions, beside most people.
with known as (
    select o.annotator as judge, abs(o.lean) as strength, (o.says = p.says)::integer as agree
    from opinions as o
    join people_majority as p using (prompt_id, response_a, response_b)
    where o.annotator_kind <> 'human' and o.says <> 'tie' and p.says <> 'tie'
),
placed as (
    select
        *, -- equal strengths share a bin: the one of their middle rank
        (rank() over weaker + (count(*) over (partition by judge, strength) - 1) / 2 - 0.5)
            / count(*) over (partition by judge) as place
    from known
    window weaker as (partition by judge order by strength)
)
select
    judge, -- name:model
    floor(place * 10)::integer as bin, -- 0 holds the weakest tenth; bins between a few different strengths are empty and have no row
    min(strength) as low, -- least strength in the bin: mean strength of the verdicts, or difference of the ratings
    max(strength) as high, -- greatest
    avg(strength) as strength, -- mean
    count(*) as n, -- comparisons that the judge and most people decided
    avg(agree) as agree, -- share on which they decide alike; a calibrated judge has more of it in higher bins
from placed
group by all
order by judge, bin
