-- Data files whose bytes are recorded.
select distinct file from files
