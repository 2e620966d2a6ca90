SELECT step, step_name, n, k,
    {{wilson "k" "n"}}
FROM
(
    SELECT step, step_name, sum(eligible) AS n, sum(reached) AS k
    FROM {{twin "activation_steps"}}
    WHERE metric = {{quote .Metric}}
    {{- if .Cohort}} AND cohort_start = {{quote .Cohort}}{{end}}
    {{- if .From}} AND cohort_start >= {{quote .From}}{{end}}
    {{- if .Until}} AND cohort_start < {{quote .Until}}{{end}}
    {{- if .Segment}} AND segment = {{quote .Segment}} AND segment_value = {{quote .Value}}{{end}}
    GROUP BY step, step_name
)
ORDER BY step
{{limit}}
