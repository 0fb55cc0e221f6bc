-- One voted pair under one policy: its strength beside its difference in length and any second label.
with voted as (
    select s.*, p.prompt_id, p.chosen_id, p.rejected_id, p.prompt_id = p.rejected_prompt_id as one_prompt
    from pair_strength as s
    join pairs as p using (pair_id)
),
labelled as (
    select v.*, m.label_source
    from voted as v
    join members as m using (dataset, version, pair_id)
),
seconds as (
    select
        l.panel, l.policy, l.pair_id,
        sign(sum(case when o.says = 'tie' then 0 when (o.says = 'a') = (o.response_a = l.chosen_id) then 1 else -1 end)) as says
    from labelled as l
    join opinions as o
        on o.prompt_id = l.prompt_id
            and o.response_a = least(l.chosen_id, l.rejected_id) and o.response_b = greatest(l.chosen_id, l.rejected_id)
    where l.one_prompt and o.says is not null and not list_contains(l.voters, o.annotator)
        and if(
            o.annotator_kind = 'human',
            not contains(l.label_source, 'human:'),
            not list_contains(string_split(l.label_source, '+'), o.annotator)
        )
    group by l.panel, l.policy, l.pair_id
)
select
    v.panel, -- names the voters and what they voted on
    v.policy, -- names what made treatments of it
    v.dataset, -- the dataset that was voted on
    v.version, -- and its version
    v.pair_id, -- the pair in `pairs`
    len(v.voters) as voters, -- how many voted
    v.mu, -- strength: mean difference of the rewards
    v.sigma, -- spread of the voters
    v.percentile, -- rank of the strength, above 0 to 1
    v.confidence, -- mu in standard errors; NULL where the voters agree wholly
    v.treatment, -- keep, flip, soft, margin or drop
    v.treated_id, -- the pair in its place; NULL when dropped
    length(c.text) - length(r.text) as length_difference, -- characters of the chosen side more than of the rejected one
    case s.says when 1 then 1 when 0 then 0.5 when -1 then 0 end as second_agrees, -- 1: most of those who neither labelled the pair nor voted name the chosen side; 0.5: a tie; NULL: there is nobody
from voted as v
join responses as c on c.response_id = v.chosen_id
join responses as r on r.response_id = v.rejected_id
left join seconds as s on s.panel = v.panel and s.policy = v.policy and s.pair_id = v.pair_id
