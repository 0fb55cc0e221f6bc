-- Responses by id. Parameters: responses_in (relation of response_id).
from responses semi join responses_in using (response_id)
order by response_id
