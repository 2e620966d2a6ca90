{{- /* Columns that several views share, with their comments. */ -}}

{{define "keys" -}}
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    {{- if segments}}
    segment LowCardinality(String) COMMENT 'Name of the segment; its values come from the entry event',
    segment_value String COMMENT 'Value of the segment; (none) without a value, (other) beyond those listed or the cap',
    {{- end}}
{{- end}}

{{define "cohort_start_column" -}}
    cohort_start Date COMMENT 'First local day of the day, week or month in which the users entered',
{{- end}}

{{define "window_columns" -}}
    `window` LowCardinality(String) COMMENT 'Kind of window as the catalog lists it: 1h, 1d, 1w, 1mo, or trailing Nd/1d',
    window_start DateTime('UTC') COMMENT 'Start of the window, inclusive',
    window_end DateTime('UTC') COMMENT 'End of the window, exclusive',
{{- end}}

{{define "day_column" -}}
    day Date COMMENT 'Local date of window_start: west and east of UTC toDate(window_start) is another day'
{{- end}}

{{define "settled_columns" -}}
    is_settled Bool COMMENT 'The window ended at least settle ago: it is judged, though late events may still correct it',
    is_final Bool COMMENT 'The window ended at least allowed_lateness ago: its counts cannot change any more'
{{- end}}

{{define "rate_columns"}}{{/* what the rate is: a sentence */ -}}
    rate Nullable(Float64) COMMENT '{{.}}; NULL when the denominator is 0',
    rate_low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of rate',
    rate_high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of rate'
{{- end}}

{{define "as_of_column" -}}
    as_of DateTime64(3, 'UTC') COMMENT 'Received time up to which every partition has applied the stream'
{{- end}}
