SELECT user_id, entered_at, last_seen_at, steps_done, next_step, expires_at, cohort_start, segments
FROM {{view "stalled_users"}}
WHERE metric = {{quote .Metric}}
{{- if .Cohort}} AND cohort_start = {{quote .Cohort}}{{end}}
{{- if .Segment}} AND segments[{{quote .Segment}}] = {{quote .Value}}{{end}}
ORDER BY entered_at DESC, user_id
LIMIT 100
