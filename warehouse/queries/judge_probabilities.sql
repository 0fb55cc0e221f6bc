-- Probability that a judge gives the answer that most people call the better one. Parameters: $judge (all when NULL).
-- Reads the views.
select judge, prompt_id, if(people_say = 'a', p, 1 - p) as chance
from probabilities
where people_say <> 'tie' and ($judge is null or judge = $judge)
order by judge, prompt_id, response_a, response_b
