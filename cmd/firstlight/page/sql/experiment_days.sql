SELECT variant, exposed_on, users, eligible, reached, eligible_to_date, reached_to_date, value, difference, difference_low, difference_high
FROM {{view "experiment_by_day"}}
WHERE experiment = {{quote .Experiment}} AND metric = {{quote .Metric}} AND is_over
{{limit}}
