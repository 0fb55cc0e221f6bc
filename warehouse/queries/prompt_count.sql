-- How many prompts are stored.
select count(*) as n from prompts
