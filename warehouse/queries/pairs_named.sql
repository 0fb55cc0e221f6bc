-- Pairs by id. Parameters: wanted (relation of pair_id).
from pairs semi join wanted using (pair_id) order by pair_id
