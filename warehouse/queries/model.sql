-- One model. Parameters: $model_id.
from models where model_id = $model_id
