-- What a panel makes of a version under a policy. Parameters: $panel, $policy.
from strength_figures where panel = $panel and policy = $policy
