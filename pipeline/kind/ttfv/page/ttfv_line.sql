SELECT metric, window_start, window_end, entered AS n, reached AS k,
    km_p50_seconds AS value, km_p50_low AS low, km_p50_high AS high, is_settled, is_final,
    toBool(NOT is_settled OR km_p50_high IS NULL) AS is_provisional
FROM {{twin "ttfv_by_entry_window"}}
{{template "windows" .}}
ORDER BY metric, window_start DESC
{{limit}}
