-- One annotator that compared three answers to one prompt with each other: how often its opinions go in a circle.
-- x over y and y over z, but z over x, or all three the other way round.
select
    annotator, -- who judged
    count(*) as n, -- triples of answers, each two of which it decided between
    count(*) filter (circle) as circles, -- those that it puts in a circle, which no ranking fits
    avg(circle::integer) as rate, -- their share; 0.25 if verdicts were coin tosses
from triples
group by annotator
order by annotator
