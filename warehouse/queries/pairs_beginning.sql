-- The first two pairs whose id begins so. Parameters: $start (hex digits: what follows them is less than g).
select pair_id from pairs where pair_id >= $start and pair_id < $start || 'g' order by pair_id limit 2
