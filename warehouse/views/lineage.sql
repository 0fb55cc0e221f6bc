-- One edge between a row and one that it was made from.
with versions as (select *, dataset || '@' || version as label from datasets),
rated as (
    select *, call_id || '/' || response_id || '/' || aspect || '@' || judge_version as score_id from scores
),
edges as (
    select 'pair' as out_kind, pair_id as out_id, 'response' as in_kind, chosen_id as in_id, 'choose' as op, null as op_version, run_id
    from pairs
    union all
    select 'pair', pair_id, 'response', rejected_id, 'reject', null, run_id from pairs
    union all
    select 'pair', treated_id, 'pair', pair_id, 'flip', policy, run_id from pair_strength where treatment = 'flip'
    union all
    select 'response', response_id, 'prompt', prompt_id, if(call_id is null, 'import', 'generate'), null, run_id from responses
    union all
    select 'response', response_id, 'call', call_id, 'generate', null, run_id from responses where call_id is not null
    union all
    select 'prompt', prompt_id, 'prompt', parent_id, op, null, run_id from prompts where parent_id is not null
    union all
    select 'vote', vote_id, 'response', response_a, annotator, annotator_version, run_id from votes
    union all
    select 'vote', vote_id, 'response', response_b, annotator, annotator_version, run_id from votes
    union all
    select 'vote', vote_id, 'call', call_id, annotator, annotator_version, run_id from votes where call_id is not null
    union all
    select 'score', score_id, 'response', response_id, judge, judge_version, run_id from rated
    union all
    select 'score', score_id, 'call', call_id, judge, judge_version, run_id from rated semi join calls using (call_id)
    union all
    select 'score', score_id, 'rubric', split_part(aspect, ':', 1), judge, judge_version, run_id from rated where judge = 'rubric'
    union all
    select 'rubric', rubric_id, 'prompt', prompt_id, writer, writer_version, run_id from rubrics
    union all
    select 'rubric', rubric_id, 'rubric', parent_id, writer, writer_version, run_id from rubrics where parent_id is not null
    union all
    select 'rubric', rubric_id, 'call', call_id, writer, writer_version, run_id from rubrics where call_id is not null
    union all
    select 'version', d.dataset || '@' || d.version, 'pair', d.pair_id, d.rule, null, v.run_id
    from dataset_rows as d
    join versions as v using (dataset, version)
    where d.op = 'add'
    union all
    select 'version', label, 'version', dataset || '@' || parent, 'change', null, run_id from versions where parent is not null
    union all
    select 'model', model_id, 'version', dataset || '@' || version, 'train', null, run_id from models
    union all
    select 'model', u.model_id, 'model', u.used_id, u.role, null, m.run_id
    from model_uses as u
    join models as m using (model_id)
)
select
    out_kind, -- pair, response, prompt, vote, score, rubric, version (that adds or treats a pair, and has a parent) or model
    out_id, -- its id; of a version NAME@V, of a score CALL/RESPONSE/ASPECT@VERSION
    in_kind, -- what it was made from: one of these, or a call
    in_id, -- the id of that
    op, -- what made it: generate, import, choose, reject, flip, the annotator, judge, writer, rule, train, ...
    op_version, -- of the annotator, judge or writer; the policy of a flip
    run_id, -- the run that made it, where that is known
from edges
