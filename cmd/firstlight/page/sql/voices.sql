SELECT at, user_id, voice, text, steps_done, next_step, cohort_start, segments
FROM {{view "voices"}}
WHERE metric = {{quote .Metric}}
{{- if eq .Step "*"}} AND next_step != ''{{else if .Step}} AND next_step = {{quote .Step}}{{end}}
{{- if .Word}} AND positionCaseInsensitiveUTF8(text, {{quote .Word}}) > 0{{end}}
{{- if .Cohort}} AND cohort_start = {{quote .Cohort}}{{end}}
{{- if .Segment}} AND segments[{{quote .Segment}}] = {{quote .Value}}{{end}}
ORDER BY at DESC, user_id, voice, text
LIMIT 100
