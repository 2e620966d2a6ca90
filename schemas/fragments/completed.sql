{{- /*
Completions by when they happened: kind done, by cohort_start, in every listed window. A view says in "happened" what it counts:
metric, cohort_start, day, bucket, bucket_end, done_n and entry_n. Running sums stand beside the counts, and in a window their
largest value is the one at its end.
*/ -}}

{{define "from_done" -}}
    FROM {{db}}.cells FINAL
    WHERE {{template "metric_cells"}} AND kind = 'done' AND stage = 0 AND {{segmented}}
{{- end}}

{{define "counted_in_order" -}}
    sum(done_n) AS users,
    sum(sum(done_n)) OVER (PARTITION BY metric, {{seg ""}} cohort_start ORDER BY at) AS done_to_date,
    sum(sum(entry_n)) OVER (PARTITION BY metric, {{seg ""}} cohort_start ORDER BY at) AS entered_to_date
{{- end}}

{{define "completed"}}{{/* what else is summed: rows of "happened", and days */ -}}
    done_by_window AS
    (
        SELECT metric, {{seg ""}} cohort_start, `window`, window_start, window_end, start_day, sum(d.users) AS users,
            max(d.done_to_date) AS done_to_date, max(d.entered_to_date) AS entered_to_date {{- .days}}
        FROM
        (
            SELECT metric, {{seg ""}} cohort_start, day AS at, {{template "counted_in_order"}} {{- .rows}}
            FROM happened
            GROUP BY metric, {{seg ""}} cohort_start, at
        ) AS d
        INNER JOIN spans AS s ON s.day = d.at
        GROUP BY metric, {{seg ""}} cohort_start, `window`, window_start, window_end, start_day
        {{- if not segments}}
        UNION ALL
        SELECT metric, cohort_start, '1h' AS `window`, bucket AS at, bucket_end AS window_end, day AS start_day, {{template "counted_in_order"}} {{- .rows}}
        FROM happened
        WHERE has(listed_windows, '1h')
        GROUP BY metric, cohort_start, at, bucket_end, start_day
        {{- end}}
    )
{{- end}}
