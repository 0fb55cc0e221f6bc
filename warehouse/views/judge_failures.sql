-- One template of one judge: how many verdicts or ratings its replies did not give, and why. Every try counts.
with counts as (
    select
        judge, judge_version, template,
        count(*) as n,
        count(*) filter (failure = 'refused') as refused,
        count(*) filter (failure = 'truncated') as truncated,
        count(*) filter (failure = 'quarantined') as quarantined,
        count(failure) as failed
    from judge_readings
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
