-- What two judges gave the same response, once for every two judges. No parameters. Reads the views.
select one.judge, two.judge as other, prompt_id, one.score, two.score as other_score
from judge_ratings as one
join judge_ratings as two using (prompt_id, response_id)
where one.judge < two.judge and one.score is not null and two.score is not null
order by one.judge, two.judge, response_id
