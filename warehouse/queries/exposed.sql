-- Versions that hold pairs of a name, and the models that owe them something. Parameters: $kind, $name.
select dataset, version, pairs, models from exposure where kind = $kind and name = $name order by dataset, version
