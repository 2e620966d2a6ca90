{{- /*
Users followed from their entry: per metric and group the users who entered and those who reached, by the end of their
entry bucket, and those who reached by age. Rates, Kaplan-Meier curves and quantiles all start here.
*/ -}}

{{define "from_entry" -}}
    FROM {{db}}.cells FINAL
    WHERE generation = 1 AND kind = 'entry' AND {{segmented}}
{{- end}}

{{define "from_reach"}}{{/* of the metrics themselves, not of their steps */ -}}
    FROM {{db}}.cells FINAL
    WHERE generation = 1 AND kind = 'reach' AND stage = 0 AND {{segmented}} AND name IN (SELECT metric FROM chosen)
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
            e.entered_by_end AS entered_by_end, r.reached_by_end AS reached_by_end,
            r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age
        FROM chosen AS c
        INNER JOIN entry AS e ON e.cohort = c.cohort
        LEFT JOIN reach AS r ON r.metric = c.metric AND {{equal "r." "e." .}}
    )
{{- end}}

{{define "is_eligible"}}{{/* within has passed since the end of the entry bucket; without one, everybody is eligible */ -}}
    (within_seconds = 0 OR {{.}} + within_seconds <= as_of_s)
{{- end}}

{{define "eligible"}}{{/* the eligible users of a map by bucket end */ -}}
    arraySum((bucket_end, users) -> if({{template "is_eligible" "bucket_end"}}, users, 0), mapKeys({{.}}), mapValues({{.}}))
{{- end}}
