SELECT step, step_name, n, k,
    {{wilson "k" "n"}}
FROM
(
    SELECT step, step_name, sum(eligible) AS n, sum(reached) AS k
    FROM {{twin "activation_steps"}}
    {{template "cohorts" .}}{{template "group" .}}
    GROUP BY step, step_name
    UNION ALL
    SELECT 0 AS step, 'All steps' AS step_name, sum(eligible) AS n, sum(activated) AS k
    FROM {{twin "activation_by_cohort"}}
    {{template "cohorts" .}}{{template "group" .}}
)
ORDER BY step = 0, step
{{limit}}
