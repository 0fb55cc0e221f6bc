-- Ids of a version's pairs whose prompts, responses or votes are of a source. Parameters: treated (relation of pair_id),
-- $source.
select pair_id
from origins semi join treated using (pair_id)
where kind = 'source' and name = $source
order by pair_id
