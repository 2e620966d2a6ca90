{{- /*
Users followed from their entry: per metric and group the users who entered, by the end of their entry bucket,
and those who reached, by entry bucket and by age. Rates, Kaplan-Meier curves and quantiles all start here.
*/ -}}

{{define "followed_by_cohort"}}{{/* stage 0 by cohort_start */ -}}
    entry AS
    (
        SELECT name AS cohort, {{seg ""}} cohort_start, sumMap([toUnixTimestamp(bucket_end)], [n]) AS users
        FROM {{db}}.cells FINAL
        WHERE generation = 1 AND kind = 'entry' AND {{segmented}}
        GROUP BY cohort, {{seg ""}} cohort_start
    ),
    reach AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start,
            sumMap([toUnixTimestamp(bucket_end)], [n]) AS users, sumMap(ages, counts, sums) AS by_age
        FROM {{db}}.cells FINAL
        WHERE generation = 1 AND kind = 'reach' AND stage = 0 AND {{segmented}} AND name IN (SELECT metric FROM chosen)
        GROUP BY metric, {{seg ""}} cohort_start
    ),
    {{template "followed" "cohort_start"}}
{{- end}}

{{define "followed"}}{{/* joins entry and reach on the key columns named, comma-separated */ -}}
    followed AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort, {{seg "e."}} {{columns "e." .}}, c.kind AS kind,
            c.within_seconds AS within_seconds,
            e.users.1 AS entry_end, e.users.2 AS entry_n,
            r.reach_end AS reach_end, r.reach_n AS reach_n,
            r.ages AS ages, r.counts AS counts, r.sums AS sums
        FROM chosen AS c
        INNER JOIN entry AS e ON e.cohort = c.cohort
        LEFT JOIN
        (
            SELECT metric, {{seg ""}} {{.}}, users.1 AS reach_end, users.2 AS reach_n,
                by_age.1 AS ages, by_age.2 AS counts, by_age.3 AS sums
            FROM reach
        ) AS r ON r.metric = c.metric AND {{equal "r." "e." .}}
    )
{{- end}}

{{define "is_eligible"}}{{/* within has passed since the end of the entry bucket; without one, everybody is eligible */ -}}
    (within_seconds = 0 OR {{.}} + within_seconds <= as_of_s)
{{- end}}

{{define "eligible"}}{{/* users of bucket ends and counts who are eligible */ -}}
    {{- $end := index . 0}}{{$n := index . 1 -}}
    arraySum((bucket_end, users) -> if({{template "is_eligible" "bucket_end"}}, users, 0), {{$end}}, {{$n}})
{{- end}}
