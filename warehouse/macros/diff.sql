-- diff('A@1', 'A@2'): a row for every comparison that two versions do not have in common or treat differently.
-- change: added, removed, flipped (the other side is chosen) or re-weighted (another margin, weight, soft label, split or
-- rule). cause: what is new or gone: verdicts of which judge or annotator, which filter, rule or import.
create or replace temp macro diff(old_version, new_version) as table (
    with bounds as (
        select
            max(snapshot) filter (dataset || '@' || version = old_version) as old_snapshot,
            max(snapshot) filter (dataset || '@' || version = new_version) as new_snapshot
        from datasets
    ),
    -- Of two versions of one dataset, only what was written in between can differ.
    touched as (
        select distinct pair_id
        from dataset_rows
        where dataset in (split_part(old_version, '@', 1), split_part(new_version, '@', 1))
            and (
                split_part(old_version, '@', 1) <> split_part(new_version, '@', 1)
                or version between
                    1 + least(split_part(old_version, '@', 2)::integer, split_part(new_version, '@', 2)::integer)
                    and greatest(split_part(old_version, '@', 2)::integer, split_part(new_version, '@', 2)::integer)
            )
    ),
    ranked as (
        select
            d.*,
            dataset || '@' || version as label
        from dataset_rows as d semi join touched using (pair_id)
    ),
    old_members as (
        from ranked
        where dataset = split_part(old_version, '@', 1) and version <= split_part(old_version, '@', 2)::integer
        qualify row_number() over (partition by pair_id order by version desc) = 1
    ),
    new_members as (
        from ranked
        where dataset = split_part(new_version, '@', 1) and version <= split_part(new_version, '@', 2)::integer
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
            coalesce(n.chosen_id, w.chosen_id) as chosen_id,
            coalesce(n.rejected_id, w.rejected_id) as rejected_id,
            w.margin as margin_was, n.margin,
            w.weight as weight_was, n.weight,
            w.soft_label as soft_label_was, n.soft_label,
            w.split as split_was, n.split,
            w.rule as rule_was, n.rule,
            w.label_source as label_source_was, n.label_source
        from was as w
        full join now_ as n using (one, other)
        where (w.pair_id, w.margin, w.weight, w.soft_label, w.split, w.rule, w.label_source)
            is distinct from (n.pair_id, n.margin, n.weight, n.soft_label, n.split, n.rule, n.label_source)
    ),
    evidence as (
        select
            c.pair_id,
            'verdicts of ' || case
                when v.annotator_kind = 'human' then v.annotator || ' (' || v.source || ')'
                else v.annotator || '@' || coalesce(v.annotator_version, '?')
            end as what
        from changes as c
        join votes as v
            on v.response_a = least(c.chosen_id, c.rejected_id) and v.response_b = greatest(c.chosen_id, c.rejected_id),
            bounds as b
        where v.snapshot_id > least(b.old_snapshot, b.new_snapshot)
            and v.snapshot_id <= greatest(b.old_snapshot, b.new_snapshot)
        union
        select
            c.pair_id,
            'ratings by ' || s.judge || '@' || s.judge_version
        from (
            select pair_id, chosen_id as response_id from changes
            union all
            select pair_id, rejected_id from changes
        ) as c
        join scores as s using (response_id), bounds as b
        where s.snapshot_id > least(b.old_snapshot, b.new_snapshot)
            and s.snapshot_id <= greatest(b.old_snapshot, b.new_snapshot)
    ),
    verdicts_since as (select pair_id, string_agg(what, ', ' order by what) as what from evidence group by pair_id),
    dropped as (
        select
            row_id as pair_id,
            arg_max(stage || ': ' || reason || coalesce(' (' || detail || ')', ''), d.snapshot_id) as what
        from drops as d, bounds as b
        where d.snapshot_id <= greatest(b.old_snapshot, b.new_snapshot)
            and row_id in (select pair_id from changes where change = 'removed')
        group by row_id
    ),
    treated as (
        select
            pair_id,
            concat_ws(
                ', ',
                case when margin is distinct from margin_was then 'margin ' || coalesce(margin_was::varchar, 'none') || ' -> ' || coalesce(margin::varchar, 'none') end,
                case when weight is distinct from weight_was then 'weight ' || weight_was || ' -> ' || weight end,
                case when soft_label is distinct from soft_label_was then 'soft label ' || soft_label_was || ' -> ' || soft_label end,
                case when split is distinct from split_was then 'split ' || split_was || ' -> ' || split end,
                case when rule is distinct from rule_was then 'rule ' || rule_was || ' -> ' || rule end,
                case when label_source is distinct from label_source_was then 'label source ' || label_source_was || ' -> ' || label_source end
            ) as what
        from changes
        where change in ('flipped', 're-weighted')
    )
    select
        c.* exclude (split_was, split, rule_was, rule, label_source_was, label_source),
        case change
            when 'removed' then coalesce('dropped in ' || d.what, 'not compared any more by ' || rule_was)
            when 'added' then 'rule ' || c.rule || coalesce(' on new ' || v.what, ' on known verdicts of ' || c.label_source)
            else concat_ws('; ', 'new ' || v.what, nullif(t.what, ''))
        end as cause
    from changes as c
    left join verdicts_since as v using (pair_id)
    left join dropped as d using (pair_id)
    left join treated as t using (pair_id)
    order by change, pair_id
);
