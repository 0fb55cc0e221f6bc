-- What two judges gave the same response, once for every two judges. Parameters: $judge (all when NULL). Reads the views.
with rated as (
    from judge_ratings where annotator_kind <> 'human' and score is not null
)
select one.judge, two.judge as other, prompt_id, one.score, two.score as other_score
from rated as one
join rated as two using (prompt_id, response_id)
where one.judge < two.judge and ($judge is null or $judge in (one.judge, two.judge))
order by one.judge, two.judge, response_id
