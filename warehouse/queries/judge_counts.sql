-- What each prompt adds to the shares of judges: hits out of n. Parameters: $judge (all when NULL). Reads the views.
with judged as materialized (
    select annotator as judge, * exclude (annotator)
    from opinions
    where annotator_kind <> 'human' and ($judge is null or annotator = $judge)
),
known as materialized (
    from people_majority where says <> 'tie'
),
choices as materialized (
    select
        j.judge, j.prompt_id, c.feature, (j.says = c.has_more)::integer as won, (k.says = c.has_more)::integer as with_people
    from judged as j
    join style_contrasts as c using (prompt_id, response_a, response_b)
    left join known as k
        on k.prompt_id = j.prompt_id and k.response_a = j.response_a and k.response_b = j.response_b
    where j.says <> 'tie'
),
readings as materialized (
    from judge_readings where $judge is null or judge = $judge
),
own as materialized (
    from own_answers where $judge is null or judge = $judge
),
hits as (
    select annotator as judge, 'first' as figure, prompt_id, (winner = shown_first)::integer::double as hit
    from verdicts
    where annotator_kind <> 'human' and ($judge is null or annotator = $judge) and verdict <> 'tie'
    union all
    select judge, 'flipped', prompt_id, flipped::integer from judged where flipped is not null
    union all
    -- a winner in one order and a tie in the other are neither flipped nor the same
    select judge, 'consistent', prompt_id, (not flipped and abs(total) <> 1)::integer from judged where flipped is not null
    union all
    select judge, 'tie', prompt_id, (says = 'tie')::integer from judged where says is not null
    union all
    select judge, feature, prompt_id, won from choices
    union all
    select judge, feature || ' beside people', prompt_id, won from choices where with_people is not null
    union all
    select judge, feature || ' of people', prompt_id, with_people from choices where with_people is not null
    union all
    select judge, 'failed', prompt_id, (failure is not null)::integer from readings
    union all
    select judge, 'refused', prompt_id, coalesce(failure = 'refused', false)::integer from readings
    union all
    select judge, 'truncated', prompt_id, coalesce(failure = 'truncated', false)::integer from readings
    union all
    select judge, 'unparsable', prompt_id, coalesce(failure not in ('refused', 'truncated', 'quarantined'), false)::integer
    from readings
    union all
    select judge, 'own', prompt_id, won from own
    union all
    select judge, 'own of people', prompt_id, won_with_people from own where won_with_people is not null
    union all
    select judge, 'own of judges', prompt_id, won_with_judges from own where won_with_judges is not null
    union all
    select annotator, 'circles', prompt_id, circle::integer
    from triples
    where annotator_kind <> 'human' and ($judge is null or annotator = $judge)
)
select judge, figure, prompt_id, sum(hit) as hits, count(*) as n
from hits
group by judge, figure, prompt_id
order by judge, figure, prompt_id
