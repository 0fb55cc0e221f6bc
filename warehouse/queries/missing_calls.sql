-- Position of the first wanted request of every key that the ledger lacks. Parameters: wanted (relation of call_id and
-- position).
select min(position) as position
from wanted
anti join calls using (call_id)
group by call_id
