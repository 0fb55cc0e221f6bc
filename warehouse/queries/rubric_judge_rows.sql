-- Replies of rubric judges on a version's pairs: what was asked and said, whether the rubric was accepted, and whether
-- the verdict is right: that of the order known when the rubric was written, if it holds both answers, and that of the
-- version. `is_own` where nobody but the judge gave the label. Parameters: treated (relation), pinned (relation of one
-- snapshot). Of a judge, the reading of its latest version counts.
with sides as (
    select
        m.split, m.label_source, p.chosen_id, p.rejected_id, least(p.chosen_id, p.rejected_id) as response_a,
        greatest(p.chosen_id, p.rejected_id) as response_b
    from treated as m
    join pairs as p using (pair_id)
    where p.prompt_id = p.rejected_prompt_id
),
said as (
    select *
    from votes semi join sides using (response_a, response_b)
    where starts_with(annotator, 'rubric:') and call_id is not null and snapshot_id <= (select snapshot from pinned)
    qualify row_number() over (partition by call_id order by try_cast(annotator_version as integer) desc) = 1
),
replies as (
    select call_id, request, raw_text, split_part(json_extract_string(subject, '$.about'), ':', 1) as rubric_id
    from calls semi join said using (call_id)
    qualify row_number() over (partition by call_id order by attempt desc) = 1
),
accepted as (
    select rubric_id, arg_min(contrasted, checked_by) as contrasted
    from rubrics
    where accepted and agreement is not null and snapshot_id <= (select snapshot from pinned)
    group by rubric_id
),
placed as (
    select
        sides.split, sides.label_source, replies.request, replies.raw_text, said.call_id, said.annotator, said.failure,
        accepted.rubric_id is not null as accepted,
        case said.verdict when 'a' then response_a = chosen_id when 'b' then response_b = chosen_id else false end as is_labelled,
        list_position(accepted.contrasted, chosen_id) as chosen_place,
        list_position(accepted.contrasted, rejected_id) as rejected_place
    from sides
    join said using (response_a, response_b)
    join replies using (call_id)
    left join accepted using (rubric_id)
)
select
    split, request, raw_text as reply, accepted, failure,
    is_labelled and coalesce(chosen_place < rejected_place, true) as is_right,
    chosen_place + rejected_place is null and label_source = annotator as is_own
from placed
order by call_id
