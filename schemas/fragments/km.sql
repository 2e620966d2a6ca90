{{- /*
Kaplan-Meier over a row of "followed". Users who reached are events at the mean age of their age bucket; the others
are censored at as_of, counted from the end of their entry bucket. At equal ages events come first.
*/ -}}

{{define "at_risk"}}{{/* from "followed" to "at_risk": event_n users of event_age, of km_risk who were followed that far. Few levels and names, because each costs the analysis of the view */ -}}
    aged AS
    (
        SELECT *, {{template "now"}},
            {{template "events"}},
            mapFilter((bucket_end, users) -> users > 0, mapSubtract(entered_by_end, reached_by_end)) AS censored
        FROM followed
    ),
    -- (age, 0 for an event and 1 for a censoring, users)
    lined_up AS
    (
        SELECT *,
            arraySort(arrayConcat(
                arrayMap((age, users) -> (age, 0, toInt64(users)), event_age, event_n),
                arrayMap((bucket_end, users) -> (greatest(0., now_ms / 1000 - bucket_end), 1, users), mapKeys(censored), mapValues(censored)))) AS km_point,
            event_total + arraySum(mapValues(censored)) AS km_users
        FROM aged
    ),
    at_risk AS
    (
        SELECT *,
            arrayFilter((risk, point) -> point.2 = 0,
                arrayMap((point, gone) -> km_users - gone + point.3, km_point, arrayCumSum(point -> point.3, km_point)), km_point) AS km_risk
        FROM lined_up
    )
{{- end}}

{{define "km_log"}}{{/* the logarithm of the curve at each event_age */ -}}
    arrayCumSum((users, risk) -> log(1 - users / risk), event_n, km_risk)
{{- end}}

{{define "curve"}}{{/* from "followed" to "curve": km_s, km_low, km_high at each event_age */ -}}
    {{template "at_risk"}},
    curve AS
    (
        SELECT *, km.1 AS km_s, km.2 AS km_low, km.3 AS km_high
        FROM
        (
            SELECT *,
                arrayMap((x, v) -> (exp(x), exp(x * exp(-1.959963984540054 * sqrt(v) / x)), exp(x * exp(1.959963984540054 * sqrt(v) / x))),
                    {{template "km_log"}},
                    arrayCumSum((users, risk) -> users / (risk * (risk - users)), event_n, km_risk)) AS km
            FROM at_risk
        )
    )
{{- end}}

{{define "km_quantiles"}}{{/* as an array: of each of the curves the age at which that share is left, NULL before; a flat of exactly that share counts at its middle between two events, as in R's survfit, and the last flat where it begins */ -}}
    arrayMap((share, curve) -> arrayMap(at -> multiIf(at = 0, NULL,
            curve[at] < share - 1e-9 OR at = length(curve), event_age[at],
            (event_age[at] + event_age[at + 1]) / 2), [arrayFirstIndex(s -> s <= share + 1e-9, curve)])[1],
        [{{.left}}], [{{.curves}}])
{{- end}}

{{define "km_median"}}{{/* and its limits */ -}}
    {{template "km_quantiles" args "left" "0.5, 0.5, 0.5" "curves" "km_s, km_low, km_high"}}
{{- end}}
