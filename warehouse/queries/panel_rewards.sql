-- What a panel said of every pair, whatever followed. Parameters: $panel.
select pair_id, any_value(voters) as voters, any_value(chosen) as chosen, any_value(rejected) as rejected
from pair_strength
where panel = $panel
group by pair_id
order by pair_id
