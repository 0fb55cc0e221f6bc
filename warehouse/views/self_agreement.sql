-- One judge or person and one kind of reading, ratings or verdicts: how far it says the same when asked again.
with items as (
    select judge, annotator_kind, kind, item, count(*) as n, min(value) = max(value) as same, max(value) - min(value) as spread
    from repeats
    group by all
)
select
    judge, -- name:model, or a name alone
    annotator_kind, -- human, ai, rm or unknown
    kind, -- rating or verdict
    count(*) as n, -- what it was asked more than once: a response and an aspect, or two responses in one order
    sum(n)::bigint as readings, -- its readings of these
    avg(same::integer) as same, -- share of which all readings are equal
    avg(spread) as spread, -- mean distance of the greatest reading from the least; 1 is the whole scale
from items
group by judge, annotator_kind, kind
order by judge, kind
