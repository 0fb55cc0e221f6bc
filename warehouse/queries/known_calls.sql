-- Which of the wanted calls are finished. Parameters: wanted (relation of call_id).
select distinct call_id from calls semi join wanted using (call_id)
