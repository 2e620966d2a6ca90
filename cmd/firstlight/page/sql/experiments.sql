SELECT experiment, metric, variant, users, eligible, left_out, value, low, high, difference, difference_low, difference_high, srm_p, verdict, as_of
FROM {{view "experiment_results"}}
{{if .Experiment}}WHERE experiment = {{quote .Experiment}}
{{end}}{{limit}}
