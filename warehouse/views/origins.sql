-- One name behind one pair: a source, licence, model, annotator or user that the pair or its label comes from.
with named_prompts as (
    select 'source' as kind, source as name, prompt_id from prompts
    union all
    select 'license', license, prompt_id from prompts
    union all
    select 'user', user_id, prompt_id from prompts
    union all
    select 'source', source, row_id from other_sources where row_kind = 'prompt'
    union all
    select 'license', license, row_id from other_sources where row_kind = 'prompt'
    union all
    select 'user', user_id, row_id from other_sources where row_kind = 'prompt'
),
named_responses as (
    select 'source' as kind, source as name, response_id from responses
    union all
    select 'model', model, response_id from responses
    union all
    select 'source', source, row_id from other_sources where row_kind = 'response'
),
named_votes as (
    select 'source' as kind, source as name, response_a, response_b from votes
    union all
    select 'annotator', annotator, response_a, response_b from votes
    union all
    select 'user', annotator, response_a, response_b from votes where annotator_kind = 'human'
    union all
    select 'source', o.source, response_a, response_b
    from other_sources as o
    join votes as v on v.vote_id = o.row_id
    where o.row_kind = 'vote'
),
found as (
    select kind, name, pair_id from named_prompts join pairs using (prompt_id)
    union all
    select kind, name, pair_id
    from named_prompts as n
    join pairs as p on p.rejected_prompt_id = n.prompt_id
    where p.rejected_prompt_id <> p.prompt_id
    union all
    select kind, name, pair_id from named_responses join pairs on chosen_id = response_id
    union all
    select kind, name, pair_id from named_responses join pairs on rejected_id = response_id
    union all
    select kind, name, pair_id
    from named_votes as v
    join pairs as p on least(p.chosen_id, p.rejected_id) = v.response_a and greatest(p.chosen_id, p.rejected_id) = v.response_b
)
select distinct
    kind, -- source, license, model (that answered), annotator (that voted), or user: who asked, or a person who voted
    name, -- its name
    pair_id, -- the pair
from found
where name is not null
