-- Rows of a file lie in the order of what they are looked up by: one is found without reading the whole column.

alter table prompts set sorted by (prompt_id asc);
alter table responses set sorted by (response_id asc);
alter table pairs set sorted by (pair_id asc);
alter table votes set sorted by (response_a asc, response_b asc);
alter table scores set sorted by (response_id asc);
alter table calls set sorted by (call_id asc);

call lake.set_option('parquet_row_group_size', 8192);
