-- touching('source', 'NAME'): ids of the pairs that come from a name; the kind is that of `origins`. Faster than that view:
-- what is found by its prompts is not looked for again by its responses, nor what these find by its votes.
create or replace temp macro touching(wanted_kind, wanted_name) as table (
    with asked as (
        select prompt_id
        from prompts
        where case wanted_kind when 'source' then source when 'license' then license when 'user' then user_id end = wanted_name
        union all
        select row_id
        from other_sources
        where row_kind = 'prompt'
            and case wanted_kind when 'source' then source when 'license' then license when 'user' then user_id end = wanted_name
    ),
    answered as (
        select response_id
        from responses
        where case wanted_kind when 'source' then source when 'model' then model end = wanted_name
        union all
        select row_id from other_sources where row_kind = 'response' and wanted_kind = 'source' and source = wanted_name
    ),
    judged as (
        select response_a, response_b
        from votes
        where case wanted_kind
                when 'source' then source
                when 'annotator' then annotator
                when 'user' then if(annotator_kind = 'human', annotator, null)
            end = wanted_name
        union all
        select response_a, response_b
        from votes semi join (
            select row_id as vote_id
            from other_sources
            where row_kind = 'vote' and wanted_kind = 'source' and source = wanted_name
        ) using (vote_id)
    ),
    by_prompt as materialized (
        select pair_id
        from pairs
        where prompt_id in (from asked) or rejected_prompt_id <> prompt_id and rejected_prompt_id in (from asked)
    ),
    after_prompts as (from pairs anti join by_prompt using (pair_id)),
    by_response as materialized (
        select distinct pair_id
        from (select pair_id, unnest([chosen_id, rejected_id]) as response_id from after_prompts)
        semi join answered using (response_id)
    ),
    by_vote as (
        select pair_id
        from (
            select
                pair_id,
                least(chosen_id, rejected_id) as response_a,
                greatest(chosen_id, rejected_id) as response_b
            from after_prompts anti join by_response using (pair_id)
        )
        semi join judged using (response_a, response_b)
    )
    from by_prompt union all from by_response union all from by_vote
);
