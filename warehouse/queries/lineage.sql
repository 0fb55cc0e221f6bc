-- All that a pair came from. Parameters: $pair_id.
from lineage_of($pair_id)
