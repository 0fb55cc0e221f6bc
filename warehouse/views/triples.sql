-- One annotator and three answers to one prompt, between each two of which it decided.
with decided as (
    select annotator, annotator_kind, prompt_id, response_a, response_b, says from opinions where says <> 'tie'
)
select
    xy.annotator, -- who judged
    xy.annotator_kind, -- human, ai, rm or unknown
    xy.prompt_id, -- what the three answer
    xy.response_a as response_x, -- the response whose id comes first
    xy.response_b as response_y, -- the second
    yz.response_b as response_z, -- the last
    xy.says = yz.says and xy.says <> xz.says as circle, -- whether x is over y and y over z, but z over x, or all three the other way round
from decided as xy
join decided as yz
    on yz.annotator = xy.annotator and yz.prompt_id = xy.prompt_id and yz.response_a = xy.response_b
join decided as xz
    on xz.annotator = xy.annotator and xz.prompt_id = xy.prompt_id
        and xz.response_a = xy.response_a and xz.response_b = yz.response_b
