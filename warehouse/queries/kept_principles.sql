-- Principles that some decisions kept, with what they are about. Parameters: $checked_by.
select p.principle as principle_asked, p.label, q.source as prompt_source, q.messages, r.*
from principles as p
join responses as r using (response_id)
join prompts as q on q.prompt_id = p.prompt_id
where p.kept and p.checked_by = $checked_by
order by p.prompt_id, p.response_id, p.principle_id
