{{- /*
Users followed from their entry: per metric and group the users who entered and those who reached, by the end of their
entry bucket, and those who reached by age. Rates, Kaplan-Meier curves and quantiles all start here.
*/ -}}

{{define "from_entry" -}}
    FROM {{db}}.cells FINAL
    WHERE {{template "cohort_cells"}} AND kind = 'entry' AND {{segmented}}
{{- end}}

{{define "from_reach"}}{{/* of the metrics themselves, not of their steps */ -}}
    FROM {{db}}.cells FINAL
    WHERE {{template "metric_cells"}} AND kind = 'reach' AND stage = 0 AND {{segmented}}
{{- end}}

{{define "entered_by_end" -}}
    sumMap(map(toUnixTimestamp(bucket_end), n)) AS entered_by_end
{{- end}}

{{define "reached_by_end" -}}
    sumMap(map(toUnixTimestamp(bucket_end), n)) AS reached_by_end
{{- end}}

{{define "by_age" -}}
    sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age
{{- end}}

{{define "by_age_of"}}{{/* kind, suffix of the names */ -}}
    sumMapIf(mapFromArrays(ages, counts), r.kind = '{{.kind}}') AS users_by_age{{.suffix}},
            sumMapIf(mapFromArrays(ages, sums), r.kind = '{{.kind}}') AS ms_by_age{{.suffix}}
{{- end}}

{{define "followed_by_cohort" -}}
    entry AS
    (
        SELECT name AS cohort, {{seg ""}} cohort_start, {{template "entered_by_end"}}
        {{template "from_entry"}}
        GROUP BY cohort, {{seg ""}} cohort_start
    ),
    reach AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, {{template "reached_by_end"}}, {{template "by_age"}}
        {{template "from_reach"}}
        GROUP BY metric, {{seg ""}} cohort_start
    ),
    {{template "followed" "cohort_start"}}
{{- end}}

{{define "followed"}}{{/* joins entry and reach on the key columns named, comma-separated */ -}}
    followed AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort, {{seg "e."}} {{columns "e." .}}, c.within_seconds AS within_seconds,
            if(c.counts_from = 0, e.entered_by_end, mapFilter((ended, users) -> ended > c.counts_from, e.entered_by_end)) AS entered_by_end, r.reached_by_end AS reached_by_end,
            r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age
        FROM chosen AS c
        INNER JOIN entry AS e ON e.cohort = c.cohort
        LEFT JOIN reach AS r ON r.metric = c.metric AND {{equal "r." "e." .}}
        WHERE notEmpty(entered_by_end)
    )
{{- end}}

{{define "now"}}{{/* as_of as columns; above joins, because readers' settings may swap their sides, and then a constant column of one side is empty */ -}}
    as_of_ms AS now_ms, intDiv(now_ms, 1000) AS now_s
{{- end}}

{{define "is_eligible"}}{{/* within has passed since the end of the entry bucket; without one, everybody is eligible */ -}}
    (within_seconds = 0 OR {{.bucket_end}} + within_seconds <= {{.now}})
{{- end}}

{{define "eligible"}}{{/* the eligible users of a map by bucket end */ -}}
    arraySum((bucket_end, users) -> if({{template "is_eligible" args "bucket_end" "bucket_end" "now" "now_s"}}, users, 0), mapKeys({{.}}), mapValues({{.}}))
{{- end}}
