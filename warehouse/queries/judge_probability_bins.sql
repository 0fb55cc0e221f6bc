-- How often most people say what a judge gives a probability to. Parameters: $judge (all when NULL). Reads the views.
from probability_calibration
where $judge is null or judge = $judge
order by judge, bin
