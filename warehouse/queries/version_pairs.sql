-- A version's pairs with their texts, as training reads them, by pair id. Parameters: treated (relation of treatment
-- columns).
--
-- Each side is found and sorted by itself, and then laid beside the others. One join of them all would hold the texts of
-- a side while it looks for those of the next; here it holds ids, and what is sorted can be spilled. All have a row for
-- every pair, so that they fit also where a text is missing.
with named as materialized (
    select m.*, p.prompt_id, p.chosen_id, p.rejected_prompt_id, p.rejected_id
    from treated as m join pairs as p using (pair_id)
)
select
    n.pair_id,
    n.prompt_id,
    chosen_prompt.messages as prompt,
    chosen.text as chosen,
    rejected_prompt.messages as rejected_prompt,
    rejected.text as rejected,
    chosen.model as chosen_model,
    rejected.model as rejected_model,
    chosen_prompt.source,
    n.split,
    n.rule,
    n.label_source,
    n.margin,
    n.weight,
    n.soft_label
from (select * from named order by pair_id) as n
positional join (
    select n.pair_id, p.messages, p.source
    from named as n left join prompts as p on p.prompt_id = n.prompt_id
    order by n.pair_id
) as chosen_prompt
positional join (
    select n.pair_id, p.messages
    from named as n left join prompts as p on p.prompt_id = n.rejected_prompt_id
    order by n.pair_id
) as rejected_prompt
positional join (
    select n.pair_id, r.text, r.model
    from named as n left join responses as r on r.response_id = n.chosen_id
    order by n.pair_id
) as chosen
positional join (
    select n.pair_id, r.text, r.model
    from named as n left join responses as r on r.response_id = n.rejected_id
    order by n.pair_id
) as rejected
where n.pair_id = chosen_prompt.pair_id and chosen_prompt.messages is not null
    and n.pair_id = rejected_prompt.pair_id and rejected_prompt.messages is not null
    and n.pair_id = chosen.pair_id and chosen.text is not null
    and n.pair_id = rejected.pair_id and rejected.text is not null
