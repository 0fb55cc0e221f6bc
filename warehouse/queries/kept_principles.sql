-- Principles that some decisions kept, with what they are about. Parameters: $checked_by.
select
    p.principle, p.label,
    {prompt_id: q.prompt_id, source: q.source, messages: q.messages, license: q.license} as prompt,
    {response_id: r.response_id, prompt_id: r.prompt_id, model: r.model, text: r.text, source: r.source} as response
from principles as p
join responses as r using (response_id)
join prompts as q on q.prompt_id = p.prompt_id
where p.kept and p.checked_by = $checked_by
order by p.prompt_id, p.response_id, p.principle_id
