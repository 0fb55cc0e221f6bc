-- One model that wrote responses of a version, beside one policy that learned from it: how far behind it was.
with recursive learned as (
    select distinct dataset, version, objective->>'name' as objective, base
    from models
    where kind = 'policy'
),
-- The policies that came before each start, newest first. A name that leads back to itself ends somewhere.
behind as (
    select dataset, version, objective, base, base as model, 0 as age from learned
    union
    select b.dataset, b.version, b.objective, b.base, l.base, b.age + 1
    from behind as b
    join learned as l on b.model = l.dataset || '@' || l.version || '/' || l.objective
    where b.age < 100
),
ages as (
    select dataset, version, objective, base, model, min(age) as age
    from behind
    group by dataset, version, objective, base, model
),
sides as (
    select m.dataset, m.version, unnest([p.chosen_id, p.rejected_id]) as response_id
    from members as m
    join pairs as p using (pair_id)
),
answered as (
    select s.dataset, s.version, r.model, count(distinct s.response_id) as responses
    from sides as s
    join responses as r using (response_id)
    group by s.dataset, s.version, r.model
)
select
    l.dataset, -- the dataset
    l.version, -- its version
    l.objective, -- what the policy was trained with
    l.base, -- the policy that training started from
    w.model, -- the model that wrote
    w.responses, -- its responses in pairs of the version
    a.age, -- policies trained since: 0 is the start itself; NULL is a model that the start does not come from
from learned as l
join answered as w using (dataset, version)
left join ages as a using (dataset, version, objective, base, model)
order by l.dataset, l.version, l.objective, l.base, a.age, w.model
