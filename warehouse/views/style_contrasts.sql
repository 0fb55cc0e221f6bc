-- One comparison and one feature of style that tells its two answers apart.
with compared as (
    select distinct prompt_id, response_a, response_b from opinions
),
traits as (
    select
        response_id,
        length(text) as length,
        regexp_matches(text, '(?m)^[ \t]*([-*+•]|\d+[.)])[ \t]+\S') as list,
        regexp_matches(text, '(?m)(^#{1,6} |\*\*[^*\n]+\*\*|^\|.*\|[ \t]*$)') as markdown,
        contains(text, '```') as code
    from responses
    semi join (select unnest([response_a, response_b]) as response_id from compared) using (response_id)
),
sides as (
    select
        prompt_id, response_a, response_b,
        unnest([
            {feature: 'length', a: a.length, b: b.length},
            {feature: 'list', a: a.list::bigint, b: b.list::bigint},
            {feature: 'markdown', a: a.markdown::bigint, b: b.markdown::bigint},
            {feature: 'code', a: a.code::bigint, b: b.code::bigint}
        ], recursive := true)
    from compared
    join traits as a on a.response_id = response_a
    join traits as b on b.response_id = response_b
)
select
    prompt_id, -- what both answer
    response_a, -- the response whose id comes first
    response_b, -- the other one
    feature, -- length in characters; or a list, markdown (headings, bold, tables), a block of code, which an answer has or not
    if(a > b, 'a', 'b') as has_more, -- the side with more of it
from sides
where a <> b
