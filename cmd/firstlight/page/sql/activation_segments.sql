SELECT segment, segment_value, entered, n, k,
    {{wilson "k" "n"}},
    toBool(n < entered) AS is_provisional
FROM
(
    SELECT segment, segment_value, sum(entered) AS entered, sum(eligible) AS n, sum(activated) AS k
    FROM {{view "activation_by_cohort_segments"}}
    WHERE metric = {{quote .Metric}}
    {{- if .Cohort}} AND cohort_start = {{quote .Cohort}}{{end}}
    {{- if .From}} AND cohort_start >= {{quote .From}}{{end}}
    {{- if .Until}} AND cohort_start < {{quote .Until}}{{end}}
    GROUP BY segment, segment_value
)
ORDER BY segment, entered DESC, segment_value
LIMIT 12 BY segment
{{limit}}
