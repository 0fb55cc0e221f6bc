-- What a rule without understanding sees of some responses: characters, marks of format, and who wrote them.
-- Parameters: wanted (relation of response_id). Marks: list items, headings, bold words, code, table rows.
select
    response_id,
    length(text) as n_chars,
    len(regexp_extract_all(
        text,
        '(?m)^[ \t]*(?:[-*+•]|[0-9]+[.)])[ \t]|^#{1,6}[ \t]|\*\*[^*\n]+\*\*|`+[^`]+`+|^[ \t]*\|'
    )) as n_marks,
    model
from responses semi join wanted using (response_id)
order by response_id
