{{- /* Periods since a start: how many of a user's have ended, judged from the end of the bucket of its start, and for those of the calendar from their own end. */ -}}


{{define "periods_over"}}{{/* of which unit; needs day, ended, and today and sunday_weeks: period k has ended where more than k have */ -}}
    toUInt64(greatest(0, multiIf(
        {{.}} = 'calendar_day', toInt64(today - day),
        {{.}} = 'calendar_week', toInt64(intDiv(today - if(sunday_weeks, toStartOfWeek(day, 0), toStartOfWeek(day, 1)), 7)),
        {{.}} = 'calendar_month', toInt64(dateDiff('month', toStartOfMonth(day), toStartOfMonth(today))),
        intDiv(toInt64(as_of_s) - toInt64(ended), if({{.}} = 'day', 86400, 604800)))))
{{- end}}

{{define "sunday_weeks" -}}
    assumeNotNull((SELECT argMax(week_start = 'sunday', catalog_version) FROM {{db}}.catalogs WHERE generation = {{template "generation"}})) AS sunday_weeks
{{- end}}

{{define "returned_since"}}{{/* users whose last return is of a period or a later one, of a map by period */ -}}
    arraySum((last, users) -> if(last >= {{.period}}, users, 0), mapKeys({{.of}}), mapValues({{.of}}))
{{- end}}
