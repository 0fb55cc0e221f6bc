-- How often judges and most people decide alike, by strength of opinion. Parameters: $judge (all when NULL). Reads the views.
from calibration
where $judge is null or judge = $judge
order by judge, bin
