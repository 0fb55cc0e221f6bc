-- What judges and most people say of the comparisons that both were asked; NULL where a judge could not be read.
-- Parameters: $judge (all when NULL). Reads the views.
select o.annotator as judge, prompt_id, o.says, p.says as people_say
from opinions as o
join people_majority as p using (prompt_id, response_a, response_b)
where o.annotator_kind <> 'human' and ($judge is null or o.annotator = $judge)
order by judge, prompt_id, response_a, response_b
