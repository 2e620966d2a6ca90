SELECT metric, window_start, window_end, entered, eligible AS n, activated AS k,
    rate AS value, rate_low AS low, rate_high AS high, is_settled, is_final,
    toBool(NOT is_settled OR eligible < entered) AS is_provisional
FROM {{twin "activation_by_entry_window"}}
WHERE window = {{quote .Window}}
{{- if .Metric}} AND metric = {{quote .Metric}}{{end}}
{{- if .Segment}} AND segment = {{quote .Segment}} AND segment_value = {{quote .Value}}{{end}}
{{- if .Start}} AND window_start >= {{quote .Start}}{{end}}
{{- if .End}} AND window_start < {{quote .End}}{{end}}
ORDER BY metric, window_start DESC
{{limit}}
