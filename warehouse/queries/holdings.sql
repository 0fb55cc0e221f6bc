-- What a version holds pairs of. Parameters: $dataset, $version.
select kind, name, pairs, models from exposure where dataset = $dataset and version = $version order by kind, name
