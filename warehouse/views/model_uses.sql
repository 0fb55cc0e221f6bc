-- One model that another one was made with: it began there, was rewarded by it or kept near it, or learned what it voted.
with known as (
    select model_id, dataset, version, base, settings, path, dataset || '@' || version || '/' || (objective->>'name') as label
    from models
),
voters as (
    select distinct dataset, version, run_id, unnest(voters) as voter from pair_strength
),
found as (
    select m.model_id, other.model_id as used_id, 'start' as role
    from known as m
    join known as other on m.base in (other.path, other.label) or ends_with(other.path, '/' || m.base)
    union
    select m.model_id, other.model_id, 'setting'
    from known as m
    join known as other on contains(m.settings, to_json(other.path)::varchar)
    union
    select m.model_id, other.model_id, 'voter'
    from voters as s
    join known as other
        on s.voter in (other.path, other.label) or ends_with(other.path, '/' || s.voter)
            or starts_with(s.voter, other.path || ' ') or starts_with(s.voter, other.label || ' ')
    join datasets as d on d.dataset = s.dataset and d.run_id = s.run_id and d.version > s.version
    join known as m on m.dataset = d.dataset and m.version = d.version
)
select
    model_id, -- the model in `models`
    used_id, -- the model that it was made with
    role, -- start (of its training), setting (it rewarded it, or was its reference or critic) or voter (on its pairs)
from found
where used_id <> model_id
