-- Every stored measurement. No parameters.
select subject, metric, data, value, low, high, n from evaluations order by subject, metric, data
