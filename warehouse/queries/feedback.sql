-- What annotators said in words about responses. Parameters: prompts_in (relation of prompt_id), $aspects (of scores
-- whose rationale is feedback), $justifications (whether those of votes are). A vote's is feedback on both sides.
with asked as (
    select prompt_id, response_id from responses semi join prompts_in using (prompt_id)
),
rationales as (
    select a.prompt_id, a.response_id, s.judge as annotator, s.rationale as text, cast(null as varchar) as place
    from scores as s join asked as a using (response_id)
    where list_contains($aspects, s.aspect)
),
sides as (
    select *, unnest([response_a, response_b]) as response_id
    from votes semi join prompts_in using (prompt_id)
    where $justifications
),
justifications as (
    select
        prompt_id,
        response_id,
        annotator,
        justification as text,
        if(response_id = shown_first, 'first', 'second') as place
    from sides
)
select distinct *
from (from rationales union all from justifications)
where trim(text) <> ''
order by all
