{{- /* Rates with 95 % Wilson intervals, and type-2 quantiles (Hyndman and Fan 1996) of those who reached. */ -}}

{{define "rate"}}{{/* successes, trials */ -}}
    {{- $k := index . 0}}{{$n := index . 1 -}}
    {{$k}} / nullIf({{$n}}, 0) AS rate,
    {{template "wilson_low" .}} AS rate_low,
    {{template "wilson_high" .}} AS rate_high
{{- end}}

{{define "wilson_low" -}}
    {{- $k := index . 0}}{{$n := index . 1 -}}
    multiIf({{$n}} = 0, NULL, {{$k}} <= 0, 0., ({{$k}} + 1.920729410347062 - 1.959963984540054 * sqrt({{$k}} * ({{$n}} - {{$k}}) / {{$n}} + 0.960364705173531)) / ({{$n}} + 3.841458820694124))
{{- end}}

{{define "wilson_high" -}}
    {{- $k := index . 0}}{{$n := index . 1 -}}
    multiIf({{$n}} = 0, NULL, {{$k}} >= {{$n}}, 1., ({{$k}} + 1.920729410347062 + 1.959963984540054 * sqrt({{$k}} * ({{$n}} - {{$k}}) / {{$n}} + 0.960364705173531)) / ({{$n}} + 3.841458820694124))
{{- end}}

{{define "events"}}{{/* users and ms by age of a group -> ages in seconds, users, users up to each age */ -}}
    arrayMap((ms, users) -> ms / users / 1000, mapValues(ms_by_age), mapValues(users_by_age)) AS event_age,
    mapValues(users_by_age) AS event_n,
    arrayCumSum(event_n) AS event_cum,
    arraySum(event_n) AS event_total
{{- end}}

{{define "quantile"}}{{/* percent, name: x[ceil(nq)], and the mean with the next when nq is whole */ -}}
    {{- $p := index . 0}}{{$name := index . 1 -}}
    arrayFirstIndex(users -> users * 100 >= event_total * {{$p}}, event_cum) AS {{$name}}_at,
    multiIf(event_total = 0, NULL,
        event_cum[{{$name}}_at] * 100 = event_total * {{$p}}, (event_age[{{$name}}_at] + event_age[{{$name}}_at + 1]) / 2,
        event_age[{{$name}}_at]) AS {{$name}}
{{- end}}
