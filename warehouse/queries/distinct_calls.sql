-- Number of different keys. Parameters: wanted (relation of call_id).
select count(distinct call_id) as n from wanted
