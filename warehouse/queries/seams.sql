-- What of some responses is no content: white space at the ends, and what $marks finds; those that have nothing of it
-- are left out. Parameters: wanted (relation of response_id), $marks (a regular expression).
select response_id, head || chr(31) || array_to_string(marks, chr(31)) || chr(31) || tail as seams
from (
    select
        response_id, regexp_extract(text, '^\s+') as head, regexp_extract_all(text, $marks) as marks,
        regexp_extract(text, '\s+$') as tail
    from responses semi join wanted using (response_id)
)
where head <> '' or tail <> '' or marks <> []
order by response_id
