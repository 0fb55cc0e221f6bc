-- Why replies to judges gave nothing, template by template. Parameters: $judge (all when NULL). Reads the views.
from judge_failures
where $judge is null or judge = $judge
order by judge, judge_version, template
