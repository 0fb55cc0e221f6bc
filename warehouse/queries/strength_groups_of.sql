-- Twentieths of what a panel voted on, under a policy. Parameters: $panel, $policy.
from strength_groups where panel = $panel and policy = $policy
