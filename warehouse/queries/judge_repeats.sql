-- What judges said of the same thing more than once. Parameters: $judge (all when NULL). Reads the views.
from repeats
where annotator_kind <> 'human' and ($judge is null or judge = $judge)
order by judge, kind, item, value
