SELECT step, step_name, n, k,
    {{wilson "k" "n"}}
FROM
(
    SELECT step, step_name, sum(eligible) AS n, sum(reached) AS k
    FROM {{twin "activation_steps"}}
    {{template "cohorts" .}}{{template "group" .}}
    GROUP BY step, step_name
)
ORDER BY step
{{limit}}
