-- Rows that the others lack. Parameters: rows, others (relations of treatment columns).
select pair_id, split, rule, label_source, margin, weight, soft_label from rows
except
select pair_id, split, rule, label_source, margin, weight, soft_label from others
order by pair_id
