-- diff('A@1', 'A@2'): a row for every comparison that two versions do not have in common or treat differently.
-- change: added, removed, flipped (the other side is chosen) or re-weighted (another margin, weight, soft label, split,
-- rule or label source, which is all that judged the prompt). cause: what did it between the two, whichever is named
-- first: the verdicts of which judge, under which rubric, which import, filter or rule, or the panel and policy of which
-- vote.
create or replace temp macro diff(old_version, new_version) as table (
    with published as (select *, dataset || '@' || version as label from datasets),
    bounds as (
        select
            max(snapshot) filter (label = old_version) > max(snapshot) filter (label = new_version) as is_back,
            min(snapshot) as since,
            max(snapshot) as until,
            arg_max(dataset, snapshot) as late_dataset,
            arg_max(published.version, snapshot) as late_version,
            arg_max(recipe->>'$.balance.how', snapshot) as balance
        from published
        where label in (old_version, new_version)
    ),
    -- Of two versions of one dataset, only what was written in between can differ.
    touched as (
        select distinct pair_id
        from dataset_rows
        where dataset in (split_part(old_version, '@', 1), split_part(new_version, '@', 1))
            and (
                split_part(old_version, '@', 1) <> split_part(new_version, '@', 1)
                or version between
                    1 + least(try_cast(split_part(old_version, '@', 2) as integer), try_cast(split_part(new_version, '@', 2) as integer))
                    and greatest(try_cast(split_part(old_version, '@', 2) as integer), try_cast(split_part(new_version, '@', 2) as integer))
            )
    ),
    ranked as (from dataset_rows semi join touched using (pair_id)),
    old_members as (
        from ranked
        where dataset = split_part(old_version, '@', 1) and version <= try_cast(split_part(old_version, '@', 2) as integer)
        qualify row_number() over (partition by pair_id order by version desc) = 1
    ),
    new_members as (
        from ranked
        where dataset = split_part(new_version, '@', 1) and version <= try_cast(split_part(new_version, '@', 2) as integer)
        qualify row_number() over (partition by pair_id order by version desc) = 1
    ),
    sides as (
        select
            p.*,
            least(prompt_id || chosen_id, rejected_prompt_id || rejected_id) as one,
            greatest(prompt_id || chosen_id, rejected_prompt_id || rejected_id) as other
        from pairs as p semi join touched using (pair_id)
    ),
    was as (select m.*, s.* exclude (pair_id) from old_members as m join sides as s using (pair_id) where op = 'add'),
    now_ as (select m.*, s.* exclude (pair_id) from new_members as m join sides as s using (pair_id) where op = 'add'),
    changes as (
        select
            case
                when w.pair_id is null then 'added'
                when n.pair_id is null then 'removed'
                when w.pair_id <> n.pair_id then 'flipped'
                else 're-weighted'
            end as change,
            coalesce(n.pair_id, w.pair_id) as pair_id,
            w.pair_id as pair_id_was,
            coalesce(n.prompt_id, w.prompt_id) as prompt_id,
            coalesce(n.rejected_prompt_id, w.rejected_prompt_id) as rejected_prompt_id,
            coalesce(n.chosen_id, w.chosen_id) as chosen_id,
            coalesce(n.rejected_id, w.rejected_id) as rejected_id,
            w.margin as margin_was, n.margin,
            w.weight as weight_was, n.weight,
            w.soft_label as soft_label_was, n.soft_label,
            w.split as split_was, n.split,
            w.rule as rule_was, n.rule,
            w.label_source as label_source_was, n.label_source,
            if(is_back, w.pair_id, n.pair_id) is null as is_gone,
            if(is_back, n.pair_id, w.pair_id) is null as is_new
        from was as w
        full join now_ as n using (one, other), bounds
        where (w.pair_id, w.margin, w.weight, w.soft_label, w.split, w.rule, w.label_source)
            is distinct from (n.pair_id, n.margin, n.weight, n.soft_label, n.split, n.rule, n.label_source)
    ),
    evidence as (
        select
            c.pair_id,
            'verdicts of ' || v.annotator || coalesce('@' || v.annotator_version, '')
                || if(v.call_id is null, ', imported as ' || v.source, '') as what
        from changes as c
        join votes as v
            on v.response_a = least(c.chosen_id, c.rejected_id) and v.response_b = greatest(c.chosen_id, c.rejected_id),
            bounds as b
        where v.snapshot_id > b.since and v.snapshot_id <= b.until
        union
        select
            c.pair_id,
            case
                when s.judge = 'rubric' then 'verdicts by the rubric ' || s.aspect[:8] || coalesce(' of ' || r.writer || '@' || r.writer_version, '')
                when contains(s.call_id, ':') then 'ratings by ' || s.judge || ', imported as ' || split_part(s.call_id, ':', 1)
                else 'ratings by ' || s.judge || '@' || s.judge_version
            end
        from (
            select pair_id, chosen_id as response_id from changes
            union all
            select pair_id, rejected_id from changes
        ) as c
        join scores as s using (response_id)
        left join rubrics as r on s.judge = 'rubric' and r.rubric_id = split_part(s.aspect, ':', 1),
            bounds as b
        where s.snapshot_id > b.since and s.snapshot_id <= b.until
    ),
    verdicts_since as (select pair_id, string_agg(what, ', ' order by what) as what from evidence group by pair_id),
    imported as (
        select c.pair_id, 'prompts imported as ' || q.source as what
        from changes as c
        join prompts as q using (prompt_id), bounds as b
        where c.is_new and q.snapshot_id > b.since and q.snapshot_id <= b.until
    ),
    -- What runs left out, by all the names under which it may be noted. The runs are those of the versions from the one
    -- that lost the pair: it may have lost it to its flip, which a later one lost.
    lost as (
        select
            c.pair_id,
            p.version,
            p.run_id,
            unnest([
                c.pair_id, least(c.chosen_id, c.rejected_id) || ':' || greatest(c.chosen_id, c.rejected_id),
                c.prompt_id, c.rejected_prompt_id
            ]) as row_id
        from changes as c
        join bounds as b on true
        left join (
            select pair_id, version from new_members, bounds where op = 'remove' and not is_back
            union all
            select pair_id, version from old_members, bounds where op = 'remove' and is_back
        ) as e using (pair_id)
        join published as p
            on p.dataset = b.late_dataset and p.version between coalesce(e.version, b.late_version) and b.late_version
        where c.is_gone
    ),
    dropped as (
        select
            l.pair_id,
            arg_min(
                d.stage || ': ' || d.reason || coalesce(' (' || d.detail || ')', ''),
                (l.version, list_position(['filter', 'pair', 'vote', 'drop source', 'rubrics'], d.stage), d.drop_id)
            ) as what
        from lost as l
        join drops as d on d.row_id = l.row_id and d.run_id = l.run_id
        where d.stage in ('filter', 'pair', 'vote', 'drop source', 'rubrics')
        group by l.pair_id
    ),
    -- What voters made of a pair, where it is treated as they say.
    voted as (
        select
            c.pair_id,
            arg_max('vote: ' || s.treatment || ' (panel ' || s.panel[:8] || ', policy ' || s.policy[:8] || ')', s.snapshot_id) as what
        from changes as c
        join bounds as b on true
        join pair_strength as s
            on s.pair_id = if(b.is_back, c.pair_id, c.pair_id_was) and s.treated_id = if(b.is_back, c.pair_id_was, c.pair_id)
        where s.dataset = b.late_dataset
            and s.soft_label = if(b.is_back, c.soft_label_was, c.soft_label)
            and s.margin is not distinct from if(b.is_back, c.margin_was, c.margin)
            and s.snapshot_id <= b.until
        group by c.pair_id
    ),
    treated as (
        select
            pair_id,
            concat_ws(
                ', ',
                case when margin is distinct from margin_was then 'margin ' || coalesce(round(margin_was, 4)::varchar, 'none') || ' -> ' || coalesce(round(margin, 4)::varchar, 'none') end,
                case when weight is distinct from weight_was then if(balance = 'weigh', 'balanced, ', '') || 'weight ' || round(weight_was, 4) || ' -> ' || round(weight, 4) end,
                case when soft_label is distinct from soft_label_was then 'soft label ' || round(soft_label_was, 4) || ' -> ' || round(soft_label, 4) end,
                case when split is distinct from split_was then 'split ' || split_was || ' -> ' || split end,
                case when rule is distinct from rule_was then 'rule ' || rule_was || ' -> ' || rule end,
                case when label_source is distinct from label_source_was then 'label source ' || label_source_was || ' -> ' || label_source end
            ) as what
        from changes, bounds
        where change in ('flipped', 're-weighted')
    ),
    explained as (
        select
            c.* exclude (rejected_prompt_id, split_was, split, rule_was, rule, label_source_was, label_source, is_gone, is_new),
            case
                when is_gone then concat_ws(
                    '; ',
                    coalesce('dropped in ' || d.what, 'not compared any more by ' || coalesce(rule_was, c.rule)),
                    'new ' || v.what
                )
                when is_new then concat_ws(
                    '; ',
                    'rule ' || coalesce(c.rule, rule_was)
                        || coalesce(' on new ' || v.what, ' on known verdicts of ' || coalesce(c.label_source, label_source_was)),
                    i.what
                )
                else concat_ws('; ', s.what, 'new ' || v.what, nullif(t.what, ''))
            end as cause
        from changes as c
        left join verdicts_since as v using (pair_id)
        left join imported as i using (pair_id)
        left join dropped as d using (pair_id)
        left join voted as s using (pair_id)
        left join treated as t using (pair_id)
    )
    from explained
    union all by name
    select error('There is no version ' || label || '; list them with: select dataset, version from datasets')::varchar as change
    from (select unnest([old_version, new_version]) as label)
    where label not in (select label from published)
    order by change, pair_id
);
