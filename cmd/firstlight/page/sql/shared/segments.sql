{{- /* Shares by segment, over all cohorts asked for. Between head and tail stands what is summed, and the view. */ -}}

{{define "segments_head" -}}
SELECT segment, segment_value, entered, n, k,
    {{wilson "k" "n"}},
    toBool(n < entered) AS is_provisional
FROM
(
{{- end}}

{{define "segments_tail"}}
    {{template "cohorts" .}}{{template "group" .}}
    GROUP BY segment, segment_value
)
ORDER BY segment, entered DESC, segment_value
LIMIT 12 BY segment
{{limit}}
{{- end}}
