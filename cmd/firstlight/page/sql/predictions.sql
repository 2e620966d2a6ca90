SELECT metric, predicts, period, activated_eligible, activated_rate, other_eligible, other_rate, difference, difference_low, difference_high, least, verdict
FROM {{view "metric_prediction"}}
{{limit}}
