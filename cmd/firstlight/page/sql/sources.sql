SELECT source, sum(events) AS total, uniqExact(event) AS names, max(window_end) AS newest
FROM {{view "event_volume"}}
WHERE window = {{quote .Window}}
{{- if .Start}} AND window_start >= {{quote .Start}}{{end}}
GROUP BY source
ORDER BY total DESC, source
LIMIT 50
