-- Statistics of the tables that never held a row. Parameters: none.
-- DuckLake keeps none of such a table, and then asks the catalogue for them once a column, whenever a query is planned.
insert into __ducklake_metadata_lake.ducklake_table_stats (table_id, record_count, next_row_id, file_size_bytes)
select t.table_id, 0, 0, 0
from __ducklake_metadata_lake.ducklake_table as t
anti join __ducklake_metadata_lake.ducklake_table_stats using (table_id)
where t.end_snapshot is null;

insert into __ducklake_metadata_lake.ducklake_table_column_stats (table_id, column_id, contains_null)
select s.table_id, c.column_id, 0
from __ducklake_metadata_lake.ducklake_table_stats as s
join __ducklake_metadata_lake.ducklake_column as c using (table_id)
anti join __ducklake_metadata_lake.ducklake_table_column_stats as known on known.table_id = s.table_id
anti join __ducklake_metadata_lake.ducklake_column as part
    on part.table_id = c.table_id and part.parent_column = c.column_id
where s.record_count = 0 and c.end_snapshot is null;
