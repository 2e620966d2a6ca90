SELECT incident_id, seq, at, state, reason, severity, metric, cohort, window, window_start, window_end, age_seconds, k, n,
    value, expected, expected_low, expected_high, users_lost, method, summary, message
FROM {{view "incidents"}}
{{- if .Metric}}
WHERE metric = {{quote .Metric}}
{{- end}}
ORDER BY state = 'resolved', at DESC, incident_id
LIMIT 200
