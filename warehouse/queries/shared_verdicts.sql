-- What two judges say of the same comparison, once for every two. Parameters: $judge (all when NULL). Reads the views.
with judged as materialized (
    from opinions where annotator_kind <> 'human' and says is not null
)
select one.annotator as judge, two.annotator as other, prompt_id, one.says, two.says as other_says
from judged as one
join judged as two using (prompt_id, response_a, response_b)
where one.annotator < two.annotator and ($judge is null or $judge in (one.annotator, two.annotator))
order by one.annotator, two.annotator, prompt_id, response_a, response_b
