-- Every judged response of some sources with its mean score and texts. Parameters: $sources.
with latest as (
    from scores
    where judge <> 'rubric' -- whether an item is met is no rating
    qualify row_number() over (
        partition by call_id, response_id, aspect order by try_cast(judge_version as integer) desc
    ) = 1
)
select p.messages[1].content as prompt, r.text as response, avg(s.value) as score
from latest as s
join responses as r using (response_id)
join prompts as p using (prompt_id)
where list_contains($sources, p.source) and s.value is not null
group by p.prompt_id, p.messages, r.response_id, r.text
order by p.prompt_id, r.response_id
