-- One pair in one version, with its treatment. Every version is here in full.
with spans as (
    select *, lead(version) over (partition by dataset, pair_id order by version) as until
    from dataset_rows
)
select
    d.dataset, -- the dataset
    d.version, -- its version
    s.pair_id, -- the pair in `pairs`
    s.version as since, -- the version in which it got this treatment
    s.split, -- train or test
    s.rule, -- the pair builder that made it
    s.label_source, -- who said which side is better
    s.margin, -- distance of the two sides, in the label source's units
    s.weight, -- multiplies the pair's loss
    s.soft_label, -- probability that the chosen side is better
from datasets as d
join spans as s on s.dataset = d.dataset and s.version <= d.version and (s.until is null or s.until > d.version)
where s.op = 'add'
