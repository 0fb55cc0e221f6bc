-- Rows come sorted: a sort inside DuckLake would copy their texts once more.

call lake.set_option('sort_on_insert', false);
