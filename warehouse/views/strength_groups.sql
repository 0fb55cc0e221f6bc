-- One twentieth of the pairs that a panel voted on, from the weakest to the strongest, under one policy.
with ranked as (
    select *, ntile(20) over (partition by panel, policy, dataset, version order by mu, pair_id) as number
    from strength_checks
)
select
    panel, -- names the voters and what they voted on
    policy, -- names what made treatments of it
    dataset, -- the dataset that was voted on
    version, -- and its version
    number, -- from 1, the weakest
    count(*) as n, -- pairs in it
    min(mu) as low, -- its least strength
    max(mu) as high, -- its greatest
    avg(mu) as mu, -- mean strength
    avg(sigma) as sigma, -- mean spread of the voters
    avg((treatment = 'flip')::integer) as flipped, -- share turned round
    avg(length_difference) as length_difference, -- characters of the chosen side more than of the rejected one
    count(second_agrees) as n_second, -- pairs with a second label
    avg(second_agrees) as second_agreement, -- share of these that it confirms; a tie counts half
from ranked
group by panel, policy, dataset, version, number
order by dataset, version, panel, policy, number
