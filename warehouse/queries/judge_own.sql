-- What judges, and others beside them, give answers of a judge's own model. Parameters: $judge (all when NULL).
-- Reads the views.
from own_answers
where $judge is null or judge = $judge
order by judge, prompt_id, response_a, response_b
