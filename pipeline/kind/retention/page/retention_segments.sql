{{template "segments_head"}}
    SELECT segment, segment_value, sum(started) AS entered, sum(eligible) AS n, sum(returned) AS k
    FROM
    (
        SELECT metric, cohort_start, segment, segment_value, started, eligible, returned
        FROM {{view "retention_by_cohort_segments"}}
        WHERE period IN (SELECT toUInt8(target_period) FROM {{view "metric_catalog"}} WHERE metric = {{quote .Metric}})
    )
{{- template "segments_tail" .}}
