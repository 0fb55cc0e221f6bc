-- One verdict on two responses: a person's, or what the latest version of a judge says of a comparison in one order.
with latest as (
    from votes
    qualify rank() over (
        partition by annotator, prompt_id, response_a, response_b, shown_first
        order by try_cast(annotator_version as integer) desc nulls last, annotator_version desc nulls last
    ) = 1
)
select
    vote_id, -- names the verdict in `votes`
    prompt_id, -- what both answer
    response_a, -- the response whose id comes first
    response_b, -- the other one
    shown_first, -- the response that the annotator saw first
    if(shown_first = response_a, response_b, response_a) as shown_second, -- and the one seen second
    verdict, -- a, b or tie
    case verdict when 'a' then response_a when 'b' then response_b end as winner, -- the better response; NULL for a tie
    case verdict when 'a' then response_b when 'b' then response_a end as loser, -- the worse response; NULL for a tie
    strength, -- how much better, in the annotator's own steps
    annotator, -- who judged
    annotator_kind, -- human, ai or rm
    annotator_version, -- the judge's version; NULL for people
    call_id, -- the model call behind it
    source, -- where the vote came from
    run_id, -- the run that stored it
from latest
where verdict is not null
