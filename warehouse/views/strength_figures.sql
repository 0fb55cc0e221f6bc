-- One panel of voters under one policy: what they make of a version's pairs as a whole.
select
    panel, -- names the voters and what they voted on
    policy, -- names what made treatments of it
    dataset, -- the dataset that was voted on
    version, -- and its version
    max(voters) as voters, -- how many voted
    count(*) as n, -- pairs voted on: those of the train split that voters can judge
    avg(mu) as mu, -- mean strength
    avg((mu < 0)::integer) as below_zero, -- share of pairs that the voters would turn round
    count(*) filter (treatment = 'flip') as flipped, -- pairs turned round
    count(*) filter (treatment = 'soft') as softened, -- pairs with soft labels
    count(*) filter (treatment = 'margin') as with_margin, -- pairs with a margin alone
    count(*) filter (treatment = 'keep') as kept, -- pairs as they were
    count(*) filter (treatment = 'drop') as dropped, -- pairs that left
    if(count(distinct mu) > 1 and count(distinct length_difference) > 1, corr(mu, length_difference), null) as length_correlation, -- of strength and difference in length; above 0.5 the voters measure length
    count(second_agrees) as n_second, -- pairs with a second label
    avg(second_agrees) as second_agreement, -- share of these that it confirms; a tie counts half
from strength_checks
group by panel, policy, dataset, version
order by dataset, version, panel, policy
