-- One bin of a histogram of the strength of a version's pairs, in 40 equal bins from the least to the largest.
with ranges as (
    select
        *,
        min(mu) over panels as least,
        coalesce(nullif(max(mu) over panels - min(mu) over panels, 0), 1) as span
    from pair_strength
    window panels as (partition by panel, policy, dataset, version)
),
binned as (
    select *, least(floor((mu - least) * 40 / span), 39)::integer as bin from ranges
)
select
    panel, -- names the voters and what they voted on
    policy, -- names what made treatments of it
    dataset, -- the dataset that was voted on
    version, -- and its version
    bin, -- number of the bin, from 0; empty bins have no row
    treatment, -- keep, flip, soft, margin or drop: a bin has a row for each
    any_value(least) + bin * any_value(span) / 40 as low, -- where the bin begins
    any_value(least) + (bin + 1) * any_value(span) / 40 as high, -- where it ends; the largest strength lies in the last one
    count(*) as n, -- pairs in it
from binned
group by panel, policy, dataset, version, bin, treatment
order by dataset, version, panel, policy, bin, treatment
