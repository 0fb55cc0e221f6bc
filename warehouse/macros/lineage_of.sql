-- lineage_of('PAIR_ID'): all that a pair came from, a row a step: its prompts, responses, and the verdicts on them.
-- step: prompt, response, vote or score. what: the text, or the raw reply of the judge. by: model, annotator or judge,
-- with its version. template, revision: of the call. cost_usd: of the call that made the row.
create or replace temp macro lineage_of(wanted) as table (
    with pair as (from pairs where pair_id = wanted),
    sides as (
        select 'chosen' as side, prompt_id, chosen_id as response_id from pair
        union all
        select 'rejected', rejected_prompt_id, rejected_id from pair
    ),
    steps as (
        select
            1 as number, 'prompt' as step, s.side, p.prompt_id as id, p.source, p.license,
            p.messages[len(p.messages)].content as what, p.op as made_by, p.parent_id as parent, null as call_id, p.run_id
        from sides as s join prompts as p using (prompt_id)
        union all
        select 2, 'response', s.side, r.response_id, r.source, null, r.text, r.model, r.prompt_id, r.call_id, r.run_id
        from sides as s join responses as r using (response_id)
        union all
        select
            3, 'vote', coalesce(v.verdict, v.failure), v.vote_id, v.source, null, v.justification,
            v.annotator || coalesce('@' || v.annotator_version, ''), null, v.call_id, v.run_id
        from pair as p
        join votes as v
            on v.response_a = least(p.chosen_id, p.rejected_id) and v.response_b = greatest(p.chosen_id, p.rejected_id)
        union all
        select
            4, 'score', s.side, c.call_id || '/' || c.aspect, null, null, c.aspect || ': ' || coalesce(c.value::varchar, c.failure, 'not applicable'),
            c.judge || '@' || c.judge_version, c.response_id, c.call_id, c.run_id
        from sides as s join scores as c using (response_id)
    )
    select
        t.* exclude (number),
        k.model, k.model_revision as revision, k.adapter, k.template_hash as template, k.status,
        k.raw_text as reply, k.cost_usd, k.prompt_tokens, k.completion_tokens
    from steps as t
    left join calls as k using (call_id)
    order by number, side, id
);
