-- One source, licence, model or annotator in one version that holds pairs with it.
with touching as (
    select m.dataset, m.version, m.pair_id, unnest([
        {kind: 'source', name: chosen_prompt.source},
        {kind: 'source', name: rejected_prompt.source},
        {kind: 'source', name: chosen.source},
        {kind: 'source', name: rejected.source},
        {kind: 'license', name: chosen_prompt.license},
        {kind: 'license', name: rejected_prompt.license},
        {kind: 'model', name: chosen.model},
        {kind: 'model', name: rejected.model}
    ]) as what
    from members as m
    join pairs as p using (pair_id)
    join prompts as chosen_prompt on chosen_prompt.prompt_id = p.prompt_id
    join prompts as rejected_prompt on rejected_prompt.prompt_id = p.rejected_prompt_id
    join responses as chosen on chosen.response_id = p.chosen_id
    join responses as rejected on rejected.response_id = p.rejected_id
    union all
    select m.dataset, m.version, m.pair_id, {kind: 'annotator', name: v.annotator}
    from members as m
    join pairs as p using (pair_id)
    join votes as v
        on v.response_a = least(p.chosen_id, p.rejected_id) and v.response_b = greatest(p.chosen_id, p.rejected_id)
),
counted as (
    select what.kind, what.name, dataset, version, count(distinct pair_id) as pairs
    from touching
    where what.name is not null
    group by all
),
trained as (select dataset, version, list(model_id order by model_id) as models from models group by all)
select
    c.kind, -- source, license, model or annotator
    c.name, -- its name
    c.dataset, -- the dataset
    c.version, -- its version
    c.pairs, -- pairs of the version with it
    coalesce(t.models, []) as models, -- ids in `models` of what was trained from the version
from counted as c
left join trained as t using (dataset, version)
