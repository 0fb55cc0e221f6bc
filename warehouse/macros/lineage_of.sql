-- lineage_of('PAIR_ID'): all that a pair came from, a row a step: its prompts, responses, and the verdicts on them.
-- step: prompt, response, vote, score, rubric (that a score was given under: whether it is accepted) or strength (of a
-- pair that voters treated, or of the one that they turned round into this one: its id, its treatment). what: the text,
-- or the raw reply of the judge. made_by: model, annotator, judge or writer, with its version. template, revision: of
-- the call. cost_usd: of the call that made the row.
create or replace temp macro lineage_of(wanted) as table (
    -- The limit says that there is one: else the planner takes the tables that it is joined with for the smaller ones.
    with pair as (from pairs where pair_id = wanted limit 1),
    sides as (
        select 'chosen' as side, prompt_id, chosen_id as response_id from pair
        union all
        select 'rejected', rejected_prompt_id, rejected_id from pair
    ),
    -- One after the other: of a single id only its row is read, of two ids the whole row groups that hold them.
    written as (
        select 'chosen' as side, r.* from pair as p join responses as r on r.response_id = p.chosen_id
        union all
        select 'rejected', r.* from pair as p join responses as r on r.response_id = p.rejected_id
    ),
    asked as (select s.side, q.* from sides as s join prompts as q on q.prompt_id = s.prompt_id),
    rated as (select s.side, c.* from sides as s join scores as c on c.response_id = s.response_id),
    -- Lists: so that few ids are looked up, where a join would read them all.
    applied as (
        select unnest((select list(distinct split_part(aspect, ':', 1)) from rated where judge = 'rubric')) as rubric_id
    ),
    steps as (
        select
            1 as number, 'prompt' as step, side, prompt_id as id, source, license,
            messages[len(messages)].content as what, op as made_by, parent_id as parent, null as call_id, run_id
        from asked
        union all
        select 2, 'response', side, response_id, source, null, text, model, prompt_id, call_id, run_id
        from written
        union all
        select
            3, 'vote', coalesce(v.verdict, v.failure), v.vote_id, v.source, null, v.justification,
            v.annotator || coalesce('@' || v.annotator_version, ''), null, v.call_id, v.run_id
        from pair as p
        join votes as v
            on v.response_a = least(p.chosen_id, p.rejected_id) and v.response_b = greatest(p.chosen_id, p.rejected_id)
        union all
        select
            4, 'score', side, call_id || '/' || aspect, null, null, aspect || ': ' || coalesce(value::varchar, failure, 'not applicable'),
            judge || '@' || judge_version, response_id, call_id, run_id
        from rated
        union all
        select
            5, 'rubric', if(r.accepted, 'accepted', r.reason), rubric_id, null, null,
            'checked by ' || r.checked_by || coalesce(', agreement ' || printf('%.2f', r.agreement), ''),
            r.writer || '@' || r.writer_version, r.parent_id, r.call_id, r.run_id
        from applied join rubrics as r using (rubric_id)
        where r.prompt_id in (select prompt_id from sides)
        union all
        select
            6, 'strength', treatment, pair_id, dataset || '@' || version, null,
            format('mu {:.3g}, sigma {:.3g}, percentile {:.3f} by {} voters', mu, sigma, percentile, len(voters)),
            'vote:' || policy[:8], null, null, run_id
        from pair_strength
        where pair_id = wanted or treated_id = wanted
    ),
    made_by_calls as (select unnest((select list(distinct call_id) from steps)) as call_id),
    replies as (select k.* from made_by_calls join calls as k using (call_id))
    select
        t.* exclude (number),
        k.model, k.model_revision as revision, k.adapter, k.template_hash as template, k.status,
        k.raw_text as reply, k.cost_usd, k.prompt_tokens, k.completion_tokens
    from steps as t
    left join replies as k using (call_id)
    order by number, side, id
);
