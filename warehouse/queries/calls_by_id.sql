-- The last attempt of each wanted call. Parameters: wanted (relation of call_id).
from calls semi join wanted using (call_id)
qualify row_number() over (partition by call_id order by attempt desc) = 1
