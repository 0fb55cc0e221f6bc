-- The histogram of what a panel voted on, under a policy. Parameters: $panel, $policy.
from pair_strength_histogram where panel = $panel and policy = $policy
