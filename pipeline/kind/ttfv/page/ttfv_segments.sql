SELECT segment, segment_value, cohort_start, entered, entered AS n, reached AS k,
    km_p50_seconds AS value, km_p50_low AS low, km_p50_high AS high, toBool(km_p50_high IS NULL) AS is_provisional
FROM {{view "ttfv_by_cohort_segments"}}
{{template "cohorts" .}}{{template "group" .}}
ORDER BY segment, entered DESC, segment_value
LIMIT 12 BY segment
{{limit}}
