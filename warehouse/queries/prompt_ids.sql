-- Which prompts are stored.
select prompt_id from prompts
