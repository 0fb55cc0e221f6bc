-- One template of one judge: how many verdicts or ratings its replies did not give, and why. Every try counts.
with asked as (
    select call_id, any_value(model) as model, any_value(template_hash) as template from calls group by call_id
),
readings as (
    select annotator as judge, annotator_version as judge_version, call_id, failure
    from votes
    where annotator_kind in ('ai', 'rm')
    union all
    select judge || ':' || model, judge_version, call_id, failure
    from scores
    join asked using (call_id)
),
latest as (
    select judge, judge_version, template, failure
    from readings
    join asked using (call_id)
    qualify rank() over (
        partition by call_id order by try_cast(judge_version as integer) desc nulls last, judge_version desc nulls last
    ) = 1
),
counts as (
    select
        judge, judge_version, template,
        count(*) as n,
        count(*) filter (failure = 'refused') as refused,
        count(*) filter (failure = 'truncated') as truncated,
        count(*) filter (failure = 'quarantined') as quarantined,
        count(failure) as failed
    from latest
    group by all
)
select
    judge, -- name:model
    judge_version, -- the version that read the replies
    template, -- hash of the text that asks; NULL for a judge without one
    n, -- verdicts or ratings asked for
    failed - refused - truncated - quarantined as unparsable, -- the reply does not say what was asked for
    refused, -- the model declined
    truncated, -- the reply ended at max_tokens
    quarantined, -- the request was too long or malformed
    failed / n as failure_share, -- all of these
    failed / n > 0.02 as alarm, -- whether that is more than 2 %
from counts
order by judge, judge_version, template
