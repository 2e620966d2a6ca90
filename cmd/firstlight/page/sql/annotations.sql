SELECT time, until, kind, source, title, url, metric, text, author, id
FROM {{view "annotations"}}
WHERE metric IN ('', {{quote .Metric}})
{{- if .Start}} AND ifNull(until, time) >= {{quote .Start}}{{end}}
{{- if .End}} AND time < {{quote .End}}{{end}}
ORDER BY time DESC, id
LIMIT 200
