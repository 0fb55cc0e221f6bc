-- One judge or person and one response that it rated: the mean over its ratings, all aspects and samples together.
-- `overall` is on a scale of its own and counts where there is nothing else; how complex or long an answer is, is no merit.
with counted as (
    from ratings
    where aspect not in ('complexity', 'verbosity')
    qualify aspect <> 'overall' or count(*) filter (aspect <> 'overall') over (partition by judge, response_id) = 0
)
select
    judge, -- as in ratings
    any_value(annotator_kind) as annotator_kind, -- human, ai or unknown, as in ratings
    prompt_id, -- what the response answers
    response_id, -- what was rated
    avg(value) as score, -- mean rating, on the judge's own scale; NULL when none could be read or none applies
    count(value) as n, -- ratings
    count(failure) as failed, -- ratings that could not be read
from counted
group by judge, prompt_id, response_id
