-- Ids of a version's pairs whose prompts or responses are of a source. Parameters: treated (relation of pair_id), $source.
select pair_id
from treated
join pairs as p using (pair_id)
where p.prompt_id in (select prompt_id from prompts where source = $source)
    or p.rejected_prompt_id in (select prompt_id from prompts where source = $source)
    or p.chosen_id in (select response_id from responses where source = $source)
    or p.rejected_id in (select response_id from responses where source = $source)
order by pair_id
