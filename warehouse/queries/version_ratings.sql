-- Prompts of a version with their responses and all ratings of them; a prompt of both splits is held out.
-- Parameters: treated (relation), pinned (relation of one snapshot). Of a judge, the reading of its latest version counts.
with sides as (
    select p.prompt_id, p.chosen_id as response_id, m.split
    from treated as m join pairs as p using (pair_id)
    union
    select p.rejected_prompt_id, p.rejected_id, m.split
    from treated as m join pairs as p using (pair_id)
),
latest as (
    from scores semi join sides using (response_id)
    where snapshot_id <= (select snapshot from pinned)
        and judge <> 'rubric' -- whether an item is met is no rating
    qualify row_number() over (
        partition by call_id, response_id, aspect order by try_cast(judge_version as integer) desc
    ) = 1
),
rated as (
    select
        response_id,
        list({aspect: aspect, value: value, lo: scale_lo, hi: scale_hi, rationale: rationale} order by aspect, call_id) as ratings
    from latest where failure is null
    group by response_id
),
answers as (
    select s.prompt_id, s.response_id, min(s.split) as split
    from sides as s group by s.prompt_id, s.response_id
)
select
    any_value(asked.messages) as prompt,
    any_value(asked.source) as source,
    any_value(asked.correct_answers) as correct_answers,
    any_value(asked.incorrect_answers) as incorrect_answers,
    min(a.split) as split,
    list({model: r.model, text: r.text, ratings: rated.ratings} order by a.response_id) as completions
from answers as a
join known_prompts((select snapshot from pinned)) as asked using (prompt_id)
join responses as r using (response_id)
left join rated using (response_id)
group by a.prompt_id
order by a.prompt_id
