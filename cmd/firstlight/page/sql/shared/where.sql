{{- /* What rows are asked for. */ -}}

{{define "cohorts"}}{{/* of a metric, by when cohorts start */ -}}
WHERE metric = {{quote .Metric}}
{{- if .Cohort}} AND cohort_start = {{quote .Cohort}}{{end}}
{{- if .From}} AND cohort_start >= {{quote .From}}{{end}}
{{- if .Until}} AND cohort_start < {{quote .Until}}{{end}}
{{- end}}

{{define "group"}}{{/* of a twin, the segment asked for */ -}}
{{if .Segment}} AND segment = {{quote .Segment}} AND segment_value = {{quote .Value}}{{end}}
{{- end}}

{{define "windows"}}{{/* of one kind of window, by when they start; of all metrics when none is named */ -}}
WHERE window = {{quote .Window}}
{{- if .Metric}} AND metric = {{quote .Metric}}{{end}}
{{- template "group" .}}
{{- if .Start}} AND window_start >= {{quote .Start}}{{end}}
{{- if .End}} AND window_start < {{quote .End}}{{end}}
{{- end}}
