-- One reading of something that the same judge or person was asked more than once: a rating, or a verdict in one order.
with asked as (
    select call_id, any_value(template_hash) as template from calls group by call_id
),
readings as (
    select
        judge, annotator_kind, 'rating' as kind, prompt_id,
        concat_ws(' ', response_id, aspect, template) as item,
        (value - scale_lo) / (scale_hi - scale_lo) as value
    from ratings
    where value is not null and scale_hi > scale_lo
    union all
    select
        annotator, annotator_kind, 'verdict', prompt_id,
        concat_ws(' ', response_a, response_b, shown_first, a.template),
        case verdict when 'a' then 1 when 'b' then 0 else 0.5 end
    from verdicts
    left join asked as a using (call_id)
)
select
    judge, -- name:model, or a name alone
    annotator_kind, -- human, ai, rm or unknown
    kind, -- rating or verdict
    prompt_id, -- what was answered
    item, -- what was asked: a response and an aspect, or two responses and the one shown first; and the template's hash
    value, -- the rating, 0 for the least of its scale and 1 for the greatest; or 1 for a, 0 for b, 0.5 for a tie
from readings
qualify count(*) over (partition by judge, kind, item) > 1
