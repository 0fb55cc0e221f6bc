-- Note where rows came from that are stored under another source, licence or user; what is not stated is no other one.
-- Parameters: $kind (prompt, response or vote), $run_id, came (relation of row_id, source, license and user_id).
insert into other_sources by name
with stored as (
    select 'prompt' as kind, prompt_id as row_id, source, license, user_id from prompts
    union all
    select 'response', response_id, source, null, null from responses
    union all
    select 'vote', vote_id, source, null, null from votes
),
known as (
    select row_id, source, license, user_id from stored where kind = $kind
    union all
    select row_id, source, license, user_id from other_sources where row_kind = $kind
)
select distinct
    md5(json_array($kind, c.row_id, c.source, c.license, c.user_id)) as other_source_id,
    $kind as row_kind, c.row_id, c.source, c.license, c.user_id, $run_id as run_id
from came as c
anti join known as k
    on k.row_id = c.row_id and k.source = c.source
        and (c.license is null or k.license is not distinct from c.license)
        and (c.user_id is null or k.user_id is not distinct from c.user_id)
order by c.row_id
