{{- /* Windows of local days. Local days come from the calendar table, so that no time-zone data of the server matters. */ -}}

{{define "calendar" -}}
    assumeNotNull((SELECT min(day) FROM {{db}}.calendar)) AS first_day,
    (SELECT groupArray(start) FROM (SELECT day, start FROM {{db}}.calendar FINAL ORDER BY day WITH FILL)) AS day_starts,
    assumeNotNull((SELECT maxIf(day, toUnixTimestamp(start) <= as_of_s) FROM {{db}}.calendar)) AS today
{{- end}}

{{define "start"}}{{/* first instant of a local day */ -}}
    day_starts[({{.}}) - first_day + 1]
{{- end}}

{{define "trailing_days"}}{{/* N of a trailing window's name */ -}}
    toUInt16OrZero(splitByChar('d', {{.}})[1])
{{- end}}

{{define "spans"}}{{/* every listed window that is made of days, once for each of its days */ -}}
    spans AS
    (
        SELECT `window`, day, {{template "start" "first"}} AS window_start, {{template "start" "last + 1"}} AS window_end
        FROM
        (
            SELECT w AS `window`, day + shift - if(endsWith(w, '/1d'), {{template "trailing_days" "w"}} - 1, 0) AS trailing_first,
                multiIf(
                    w = '1w', if(sunday_weeks, toStartOfWeek(day, 0), toStartOfWeek(day, 1)),
                    w = '1mo', toStartOfMonth(day),
                    trailing_first) AS first,
                multiIf(w = '1w', first + 6, w = '1mo', addMonths(first, 1) - 1, day + shift) AS last,
                day
            FROM
            (
                SELECT day, arrayJoin(listed_windows) AS w,
                    arrayJoin(range(if(endsWith(w, '/1d'), {{template "trailing_days" "w"}}, 1))) AS shift
                FROM {{db}}.calendar FINAL
                WHERE w != '1h' AND day <= today
            )
            WHERE NOT endsWith(w, '/1d') OR last <= today
        )
    )
{{- end}}
