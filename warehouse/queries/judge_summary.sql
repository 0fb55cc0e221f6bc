-- One judge: its counts that have no interval. Parameters: $judge (all when NULL). Reads the views.
with judges as (
    select annotator as judge, count(*) as comparisons
    from opinions
    where annotator_kind <> 'human'
    group by annotator
),
failures as (
    select judge, sum(n) as n, sum(n * failure_share) as failed from judge_failures group by judge
)
select
    coalesce(j.judge, f.judge) as judge, coalesce(j.comparisons, 0) as comparisons,
    f.n::bigint as n_asked, f.failed / f.n as failure_share,
    s.n as n_own, s.own_rate, s.n_people as n_people_own, s.people_rate, s.n_judges as n_judges_own, s.judges_rate,
    c.n as n_triples, c.rate as circles
from judges as j
full join failures as f on f.judge = j.judge
left join self_preference as s on s.judge = coalesce(j.judge, f.judge)
left join cycles as c on c.annotator = coalesce(j.judge, f.judge)
where $judge is null or coalesce(j.judge, f.judge) = $judge
order by 1
