-- One judge, and how many comparisons it judged. Parameters: $judge (all when NULL). Reads the views.
with compared as (
    select annotator as judge, count(*) as comparisons
    from opinions
    where annotator_kind <> 'human'
    group by annotator
),
judges as (
    select judge from compared
    union
    select judge from judge_readings
    union
    select judge from ratings where annotator_kind <> 'human'
)
select judge, coalesce(comparisons, 0) as comparisons
from judges
left join compared using (judge)
where $judge is null or judge = $judge
order by judge
