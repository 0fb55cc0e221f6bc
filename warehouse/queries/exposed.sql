-- Versions that hold pairs of a source, licence, model or annotator, and the models trained from them.
-- Parameters: $kind, $name.
select dataset, version, pairs, models from exposure where kind = $kind and name = $name order by dataset, version
