{{- /* Rates with 95 % Wilson intervals, and type-2 quantiles (Hyndman and Fan 1996) of those who reached. */ -}}

{{define "rate"}}{{/* k of n */ -}}
    {{.k}} / nullIf({{.n}}, 0) AS rate,
    {{template "wilson_low" .}} AS rate_low,
    {{template "wilson_high" .}} AS rate_high
{{- end}}

{{define "wilson_low" -}}
    multiIf({{.n}} = 0, NULL, {{.k}} <= 0, 0., ({{.k}} + 1.920729410347062 - 1.959963984540054 * sqrt({{.k}} * ({{.n}} - {{.k}}) / {{.n}} + 0.960364705173531)) / ({{.n}} + 3.841458820694124))
{{- end}}

{{define "wilson_high" -}}
    multiIf({{.n}} = 0, NULL, {{.k}} >= {{.n}}, 1., ({{.k}} + 1.920729410347062 + 1.959963984540054 * sqrt({{.k}} * ({{.n}} - {{.k}}) / {{.n}} + 0.960364705173531)) / ({{.n}} + 3.841458820694124))
{{- end}}

{{define "change"}}{{/* (value, low, high) now and before; Newcombe 1998, method 10, for rates, and for other values Zou and Donner 2008 */ -}}
    {{.now}}.1 - {{.before}}.1 AS change,
    change - sqrt(pow({{.now}}.1 - {{.now}}.2, 2) + pow({{.before}}.3 - {{.before}}.1, 2)) AS change_low,
    change + sqrt(pow({{.now}}.3 - {{.now}}.1, 2) + pow({{.before}}.1 - {{.before}}.2, 2)) AS change_high
{{- end}}

{{define "newcombe_low"}}{{/* of difference, which is p - q of two rates with Wilson limits p_low, p_high, q_low and q_high (Newcombe 1998, method 10) */ -}}
    difference - sqrt(pow(p - p_low, 2) + pow(q_high - q, 2))
{{- end}}

{{define "newcombe_high" -}}
    difference + sqrt(pow(p_high - p, 2) + pow(q - q_low, 2))
{{- end}}

{{define "events"}}{{/* users and ms by age of a group -> ages in seconds, users, users up to each age */ -}}
    arrayMap((ms, users) -> ms / users / 1000, mapValues(ms_by_age), mapValues(users_by_age)) AS event_age,
    mapValues(users_by_age) AS event_n,
    arrayCumSum(event_n) AS event_cum,
    arraySum(event_n) AS event_total
{{- end}}

{{define "quantiles"}}{{/* of the percents listed, as an array: x[ceil(nq)], and the mean with the next when nq is whole */ -}}
    arrayMap(percent -> arrayMap(at -> multiIf(event_total = 0, NULL,
            event_cum[at] * 100 = event_total * percent, (event_age[at] + event_age[at + 1]) / 2,
            event_age[at]), [arrayFirstIndex(users -> users * 100 >= event_total * percent, event_cum)])[1], [{{.}}])
{{- end}}
