-- Ids of a version's pairs whose prompts, responses or votes are of a source. Parameters: treated (relation of pair_id),
-- $source.
select pair_id
from treated semi join touching('source', $source) using (pair_id)
order by pair_id
