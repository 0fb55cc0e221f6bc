-- One annotator that compared three answers to one prompt with each other: how often its opinions go in a circle.
-- x over y and y over z, but z over x, or all three the other way round.
with decided as (
    select annotator, prompt_id, response_a, response_b, says from opinions where says <> 'tie'
),
triples as (
    select
        xy.annotator, xy.prompt_id,
        xy.says = yz.says and xy.says <> xz.says as circle
    from decided as xy
    join decided as yz
        on yz.annotator = xy.annotator and yz.prompt_id = xy.prompt_id and yz.response_a = xy.response_b
    join decided as xz
        on xz.annotator = xy.annotator and xz.prompt_id = xy.prompt_id
            and xz.response_a = xy.response_a and xz.response_b = yz.response_b
)
select
    annotator, -- who judged
    count(*) as n, -- triples of answers, each two of which it decided between
    count(*) filter (circle) as circles, -- those that it puts in a circle, which no ranking fits
    avg(circle::integer) as rate, -- their share; 0.25 if verdicts were coin tosses
from triples
group by annotator
order by annotator
