-- Judges beside most people and each other. Parameters: $judge (all when NULL). Reads the views.
from agreement
where $judge is null or judge = $judge
order by judge, other nulls first
