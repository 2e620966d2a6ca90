{{- /* Completions by when they happened: kind done, by cohort_start, in every listed window. */ -}}

{{define "from_done" -}}
    FROM {{db}}.cells FINAL
    WHERE generation = 1 AND kind = 'done' AND stage = 0 AND {{segmented}} AND name IN (SELECT metric FROM chosen)
{{- end}}

{{define "completed"}}{{/* what is summed per window: columns of cells, and of days */ -}}
    {{- $cells := index . 0}}{{$days := index . 1 -}}
    done_by_window AS
    (
        SELECT metric, {{seg ""}} cohort_start, `window`, window_start, window_end, {{$days}}
        FROM
        (
            SELECT name AS metric, {{seg ""}} cohort_start, day, {{$cells}}
            {{template "from_done"}}
            GROUP BY metric, {{seg ""}} cohort_start, day
        ) AS d
        INNER JOIN spans AS s ON s.day = d.day
        GROUP BY metric, {{seg ""}} cohort_start, `window`, window_start, window_end
        {{- if not segments}}
        UNION ALL
        SELECT name AS metric, cohort_start, '1h' AS `window`, bucket AS window_start, bucket_end AS window_end, {{$cells}}
        {{template "from_done"}} AND has(listed_windows, '1h')
        GROUP BY metric, cohort_start, bucket, bucket_end
        {{- end}}
    ),
    done_before AS
    (
        SELECT metric, {{seg ""}} cohort_start, bucket_at, running
        FROM
        (
            SELECT name AS metric, {{seg ""}} cohort_start, sumMap(map(toUnixTimestamp(bucket), n)) AS by_start
            {{template "from_done"}}
            GROUP BY metric, {{seg ""}} cohort_start
        )
        ARRAY JOIN mapKeys(by_start) AS bucket_at, arrayCumSum(mapValues(by_start)) AS running
    )
{{- end}}
