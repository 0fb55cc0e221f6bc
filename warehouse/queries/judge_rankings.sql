-- How a judge and a person rate the answers to one prompt, more than two: a row for each judge, prompt and person, both
-- lists in the order of the answers' ids. NULL where a judge could not be read. Parameters: $judge (all when NULL).
-- Reads the views.
with people as (
    from judge_ratings where annotator_kind = 'human' and score is not null
),
judges as (
    from judge_ratings where annotator_kind <> 'human' and ($judge is null or judge = $judge)
)
select
    j.judge, prompt_id, list(p.score order by response_id) as truth, list(j.score order by response_id) as said
from judges as j
join people as p using (prompt_id, response_id)
group by j.judge, prompt_id, p.judge
having count(*) > 2
order by j.judge, prompt_id, p.judge
