SELECT metric, window_start, window_end, entered, eligible AS n, activated AS k,
    rate AS value, rate_low AS low, rate_high AS high, is_settled, is_final,
    toBool(NOT is_settled OR eligible < entered) AS is_provisional
FROM {{twin "activation_by_entry_window"}}
{{template "windows" .}}
ORDER BY metric, window_start DESC
{{limit}}
