{{- /* Completions by when they happened: kind done, by cohort_start, in every listed window. */ -}}

{{define "completed_by_window" -}}
    done AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, day, bucket, bucket_end, sum(n) AS users
        FROM {{db}}.cells FINAL
        WHERE generation = 1 AND kind = 'done' AND stage = 0 AND {{segmented}} AND name IN (SELECT metric FROM chosen)
        GROUP BY metric, {{seg ""}} cohort_start, day, bucket, bucket_end
        HAVING users > 0
    ),
    done_before AS
    (
        SELECT metric, {{seg ""}} cohort_start, bucket_at, running
        FROM
        (
            SELECT metric, {{seg ""}} cohort_start,
                sumMap([toUnixTimestamp(bucket)], [users]) AS total, arrayCumSum(total.2) AS totals
            FROM done
            GROUP BY metric, {{seg ""}} cohort_start
        )
        ARRAY JOIN total.1 AS bucket_at, totals AS running
    ),
    done_by_window AS
    (
        SELECT metric, {{seg ""}} cohort_start, `window`, window_start, window_end, sum(users) AS completed
        FROM (SELECT metric, {{seg ""}} cohort_start, day, sum(users) AS users FROM done GROUP BY metric, {{seg ""}} cohort_start, day) AS d
        INNER JOIN spans AS s ON s.day = d.day
        GROUP BY metric, {{seg ""}} cohort_start, `window`, window_start, window_end
        {{- if not segments}}
        UNION ALL
        SELECT metric, cohort_start, '1h' AS `window`, bucket AS window_start, bucket_end AS window_end, users AS completed
        FROM done
        WHERE has(listed_windows, '1h')
        {{- end}}
    ),
    windowed AS
    (
        SELECT w.metric AS metric, c.cohort AS cohort, {{seg "w."}} w.cohort_start AS cohort_start,
            w.`window` AS `window`, w.window_start AS window_start, w.window_end AS window_end,
            w.completed AS completed, d.running AS to_date
        FROM done_by_window AS w
        INNER JOIN chosen AS c ON c.metric = w.metric
        ASOF JOIN done_before AS d
            ON d.metric = w.metric AND {{equal "d." "w." "cohort_start"}} AND toUnixTimestamp(w.window_end) > d.bucket_at
    )
{{- end}}
