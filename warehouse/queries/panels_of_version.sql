-- Panels and policies that voted on a version or made it. Parameters: $dataset, $version.
select distinct s.panel, s.policy
from pair_strength as s
join datasets as d on s.run_id = d.run_id or (s.dataset = d.dataset and s.version = d.version)
where d.dataset = $dataset and d.version = $version
order by s.panel, s.policy
