SELECT i.incident_id AS incident_id, seq, at, state, reason, severity, metric, cohort, window, began,
    if(state = 'resolved' AND window_start > began, window_start, window_end) AS ended,
    k, n, value, expected, expected_low, expected_high, opening, summary, details
FROM {{view "incidents"}} AS i
INNER JOIN
(
    SELECT incident_id, min(window_start) AS began, argMin(summary, seq) AS opening, argMaxIf(message, seq, state != 'resolved') AS details
    FROM {{view "anomalies"}}
    GROUP BY incident_id
) AS a ON a.incident_id = i.incident_id
{{- if .Metric}}
WHERE metric = {{quote .Metric}}
{{- end}}
ORDER BY state = 'resolved', at DESC, incident_id
LIMIT 200
