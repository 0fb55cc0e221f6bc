-- One annotator's opinion on one comparison: the long form of what Krippendorff's alpha is computed from.
select
    annotator, -- who judged
    any_value(annotator_kind) as annotator_kind, -- human, ai or rm
    prompt_id, -- what both answer
    response_a || ':' || response_b as comparison, -- the unit that annotators agree on or not
    avg(case verdict when 'a' then 1.0 when 'b' then 0.0 else 0.5 end) as value, -- 1 for a, 0 for b, 0.5 for a tie; the mean of several verdicts
    count(*) as n, -- the annotator's verdicts on it
from verdicts
group by annotator, prompt_id, response_a, response_b
order by annotator, comparison, prompt_id
