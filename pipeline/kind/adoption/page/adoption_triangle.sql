SELECT cohort_start, window_start, window_end, active_users AS n, adopters AS k, rate AS value, rate_low AS low, rate_high AS high,
    is_settled, is_final
FROM {{twin "adoption_by_window"}}
{{template "cohorts" .}}{{template "group" .}} AND window = {{quote .Window}} AND cohort_start IS NOT NULL
ORDER BY cohort_start DESC, window_start
{{limit}}
