-- One bin of a histogram in 20 equal bins from 0 to the largest value: vote strengths, or margins of latest versions.
with measured as (
    select 'strength' as measure, annotator as source, null as dataset, strength as value
    from verdicts
    where strength is not null
    union all
    select 'margin', label_source, dataset, margin
    from members
    semi join (select dataset, max(version) as version from datasets group by dataset) using (dataset, version)
    where margin is not null and isfinite(margin)
),
ranges as (
    select *, coalesce(nullif(max(value) over (partition by measure, source, dataset), 0), 1) as most
    from measured
),
binned as (
    select *, least(floor(value * 20 / most), 19)::integer as bin from ranges
)
select
    measure, -- strength (of a vote) or margin (of a pair)
    source, -- the annotator, or the label source of the pairs
    dataset, -- the dataset of the pairs; NULL for votes
    bin, -- number of the bin, from 0; empty bins have no row
    bin * any_value(most) / 20 as low, -- where the bin begins
    (bin + 1) * any_value(most) / 20 as high, -- where it ends; the largest value lies in the last one
    count(*) as n, -- votes or pairs in it
from binned
group by measure, source, dataset, bin
order by measure, source, dataset, bin
