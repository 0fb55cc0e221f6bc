-- Data files of some tables at a snapshot, read from DuckLake's catalogue at once: its own function is asked for each
-- table, and each has its price. All paths are relative, since the lake wrote the files itself.
-- Parameters: $tables (names), $snapshot (NULL for now), $data (where data lie, with a final slash).
with moment as (
    select coalesce($snapshot, max(snapshot_id)) as snapshot from __ducklake_metadata_lake.ducklake_snapshot
)
select t.table_name || '/' || f.path as name, $data || s.path || t.path || f.path as path
from __ducklake_metadata_lake.ducklake_data_file as f
join __ducklake_metadata_lake.ducklake_table as t using (table_id)
join __ducklake_metadata_lake.ducklake_schema as s using (schema_id)
cross join moment as m
where list_contains($tables, t.table_name)
    and f.begin_snapshot <= m.snapshot and (f.end_snapshot is null or f.end_snapshot > m.snapshot)
    and t.begin_snapshot <= m.snapshot and (t.end_snapshot is null or t.end_snapshot > m.snapshot)
order by name
