{{- /*
Kaplan-Meier over a row of "followed". Users who reached are events at the mean age of their age bucket; the others
are censored at as_of, counted from the end of their entry bucket. At equal ages events come first.
*/ -}}

{{define "curve"}}{{/* from "followed" to "curve": km_s, km_low, km_high at each event_age */ -}}
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
                arrayMap((bucket_end, users) -> (greatest(0., now_ms / 1000 - bucket_end), 1, users), mapKeys(censored), mapValues(censored)))) AS km_point
        FROM aged
    ),
    left_by AS
    (
        SELECT *,
            arrayCumSum(point -> point.3, km_point) AS km_left
        FROM lined_up
    ),
    at_risk AS
    (
        SELECT *,
            arrayFilter((risk, point) -> point.2 = 0,
                arrayMap((point, left) -> km_left[-1] - left + point.3, km_point, km_left), km_point) AS km_risk
        FROM left_by
    ),
    summed AS
    (
        SELECT *,
            arrayCumSum((users, risk) -> log(1 - users / risk), event_n, km_risk) AS km_log,
            arrayCumSum((users, risk) -> users / (risk * (risk - users)), event_n, km_risk) AS km_var
        FROM at_risk
    ),
    curve AS
    (
        SELECT *,
            arrayMap(x -> exp(x), km_log) AS km_s,
            arrayMap((x, v) -> exp(x * exp(-1.959963984540054 * sqrt(v) / x)), km_log, km_var) AS km_low,
            arrayMap((x, v) -> exp(x * exp(1.959963984540054 * sqrt(v) / x)), km_log, km_var) AS km_high
        FROM summed
    )
{{- end}}

{{define "km_quantile"}}{{/* share left, of a curve, as a name; a flat of exactly that share counts at its middle between two events, as in R's survfit, and the last flat where it begins */ -}}
    arrayFirstIndex(s -> s <= {{.left}} + 1e-9, {{.curve}}) AS {{.as}}_at,
    multiIf({{.as}}_at = 0, NULL,
        {{.curve}}[{{.as}}_at] < {{.left}} - 1e-9 OR {{.as}}_at = length({{.curve}}), event_age[{{.as}}_at],
        (event_age[{{.as}}_at] + event_age[{{.as}}_at + 1]) / 2) AS {{.as}}
{{- end}}

{{define "km_median" -}}
    {{template "km_quantile" args "left" "0.5" "curve" "km_s" "as" "km_p50_seconds"}},
    {{template "km_quantile" args "left" "0.5" "curve" "km_low" "as" "km_p50_low"}},
    {{template "km_quantile" args "left" "0.5" "curve" "km_high" "as" "km_p50_high"}}
{{- end}}
