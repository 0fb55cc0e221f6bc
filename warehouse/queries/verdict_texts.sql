-- AI verdicts on some sources with the texts in the order shown. Parameters: $sources.
with latest as (
    from votes
    where annotator_kind = 'ai'
    qualify row_number() over (partition by call_id order by try_cast(annotator_version as integer) desc) = 1
)
select
    p.messages[1].content as prompt,
    one.text as first,
    two.text as second,
    case when v.verdict = 'tie' then 'tie'
        when (v.verdict = 'a') = (v.shown_first = v.response_a) then 'first'
        else 'second' end as preferred
from latest as v
join prompts as p using (prompt_id)
join responses as one on one.response_id = v.shown_first
join responses as two
    on two.response_id = case when v.shown_first = v.response_a then v.response_b else v.response_a end
where list_contains($sources, p.source) and v.verdict is not null
order by v.vote_id
