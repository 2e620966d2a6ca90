SELECT metric, window_start, window_end, n, k, new_adopters, events,
    {{wilson "k" "n"}},
    is_settled, is_final, toBool(NOT is_settled) AS is_provisional
FROM
(
    SELECT metric, window_start, window_end, sum(active_users) AS n, sum(adopters) AS k, sum(new_adopters) AS new_adopters,
        sum(events) AS events, any(is_settled) AS is_settled, any(is_final) AS is_final
    FROM {{twin "adoption_by_window"}}
    {{template "windows" .}} AND cohort_start IS NOT NULL
    {{- if .Cohort}} AND cohort_start = {{quote .Cohort}}{{end}}
    GROUP BY metric, window_start, window_end
)
ORDER BY metric, window_start DESC
{{limit}}
