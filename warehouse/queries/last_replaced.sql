-- When a compaction last replaced a file that is still there. DuckLake's own age limit compares texts under SQLite.
select max(schedule_start::timestamptz) as at from __ducklake_metadata_lake.ducklake_files_scheduled_for_deletion
