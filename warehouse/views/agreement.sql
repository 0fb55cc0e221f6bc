-- One judge, that is anybody who is not known to be a person, beside most people or another judge, on what both judged.
with judged as (
    from opinions where annotator_kind <> 'human'
),
others as (
    select null as other, prompt_id, response_a, response_b, says from people_majority
    union all
    select annotator, prompt_id, response_a, response_b, says from judged where says is not null
)
select
    j.annotator as judge, -- name:model
    o.other, -- the other judge; NULL: most people
    count(j.says) as n, -- comparisons that both judged; those that the judge could not be read on not included
    avg((j.says = o.says)::integer) as agree, -- share of them with the same opinion; a tie is one
    count(*) filter (j.says <> 'tie' and o.says <> 'tie') as n_decided, -- comparisons that neither calls a tie
    avg((j.says <> o.says)::integer) filter (j.says <> 'tie' and o.says <> 'tie') as conflict, -- share of these with opposite winners
    count(*) filter (o.says <> 'tie') as n_known, -- comparisons that the other decided, those that the judge could not be read on included
    avg(coalesce(j.says = o.says, false)::integer) filter (o.says <> 'tie') as accuracy, -- share of these that the judge decides alike; a tie, opposite orders and a failure are wrong (JudgeBench, arXiv 2410.12784)
from judged as j
join others as o using (prompt_id, response_a, response_b)
where o.other is distinct from j.annotator
group by all
order by judge, other nulls first
