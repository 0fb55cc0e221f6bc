-- Sums over prompts behind the figures of a run's judges: in the run, and in the other calls of the same judge, version
-- and template. Parameters: wanted (relation of call_id: the run's calls), known (relation of prompt_id, response_a,
-- response_b and says: what most people say of golden comparisons), $since (calls that finished earlier are no history,
-- unless NULL). Calls of a run before which the gate closed are no history either.
with asked as (
    select
        call_id, any_value(model) as model, coalesce(any_value(template_hash), '') as template,
        call_id in (from wanted) as is_now
    from calls
    group by call_id
    having is_now or (
        ($since is null or max(finished_at) >= $since)
        and coalesce(any_value(run_id), '') not in (select row_id from drops where stage = 'gate' and row_kind = 'run')
    )
),
verdicts_read as (
    select
        annotator as judge, coalesce(annotator_version, '') as version, template, is_now,
        prompt_id, response_a, response_b, shown_first, verdict, failure
    from votes
    join asked using (call_id)
    where annotator_kind in ('ai', 'rm')
    qualify rank() over (partition by call_id order by try_cast(annotator_version as integer) desc nulls last) = 1
),
ratings_read as (
    select
        s.judge || ':' || asked.model as judge, s.judge_version as version, template, is_now,
        prompt_id, response_id, s.value, s.failure
    from scores as s
    join asked using (call_id)
    join responses using (response_id)
    where s.judge <> 'rubric' -- whether an item is met is no rating
    qualify rank() over (partition by call_id order by try_cast(judge_version as integer) desc nulls last) = 1
),
rated as (
    select judge, version, template, is_now, response_id, avg(value) as score
    from ratings_read
    group by all
),
orders as (
    select
        judge, version, template, is_now, prompt_id, response_a, response_b,
        sign(sum(case verdict when 'a' then 1 when 'b' then -1 else 0 end)) as balance
    from verdicts_read
    semi join known using (response_a, response_b)
    group by judge, version, template, is_now, prompt_id, response_a, response_b, shown_first
),
golden as (
    select judge, version, template, is_now, prompt_id, response_a, response_b, sum(balance) as total
    from orders
    group by all
    union all
    select a.judge, a.version, a.template, a.is_now, k.prompt_id, response_a, response_b, coalesce(a.score - b.score, 0)
    from known as k
    join rated as a on a.response_id = response_a
    join rated as b
        on b.response_id = response_b and b.judge = a.judge and b.version = a.version and b.template = a.template
            and b.is_now = a.is_now
),
counted as (
    select judge, version, template, is_now, 'first' as figure, prompt_id, ((verdict = 'a') = (shown_first = response_a))::double as hit
    from verdicts_read where verdict <> 'tie'
    union all
    select judge, version, template, is_now, 'tie', prompt_id, (verdict = 'tie')::double
    from verdicts_read where verdict is not null
    union all
    select judge, version, template, is_now, 'failed', prompt_id, (failure is not null)::double from verdicts_read
    union all
    select judge, version, template, is_now, 'failed', prompt_id, (failure is not null)::double from ratings_read
    union all
    select judge, version, template, is_now, 'score', prompt_id, value from ratings_read where value is not null
    union all
    select judge, version, template, is_now, 'golden', prompt_id, (if(says = 'a', total, -total) > 0)::double
    from golden
    join known using (prompt_id, response_a, response_b)
),
by_prompt as (
    select
        judge, version, template, is_now, figure, prompt_id,
        sum(hit) as hits, count(*)::double as n, sum(hit * hit) as squares
    from counted
    group by all
)
select
    judge, version, template, figure, is_now,
    count(*) as prompts, sum(hits) as hits, sum(n) as n, sum(squares) as squares,
    sum(hits * hits) as hits_hits, sum(hits * n) as hits_n, sum(n * n) as n_n
from by_prompt
semi join (
    select judge, version, template from verdicts_read where is_now
    union
    select judge, version, template from ratings_read where is_now
) using (judge, version, template)
group by judge, version, template, figure, is_now
order by judge, version, template, figure, is_now
