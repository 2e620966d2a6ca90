{{- /* Windows of local days. Local days come from the calendar table, so that no time-zone data of the server matters. */ -}}

{{define "today"}}{{/* the local day of as_of */ -}}
    assumeNotNull((SELECT maxIf(day, toUnixTimestamp(start) <= as_of_s) FROM {{db}}.calendar)) AS today
{{- end}}

{{define "trailing_days"}}{{/* N of a trailing window's name */ -}}
    toUInt16OrZero(splitByChar('d', {{.}})[1])
{{- end}}

{{define "calendar" -}}
    (SELECT day, start FROM {{db}}.calendar FINAL)
{{- end}}

{{define "spans"}}{{/* every listed window that is made of days, once for each of its days; trailing ones up to that of today */ -}}
    spans AS
    (
        SELECT `window`, s.day AS day, f.start AS window_start, l.start AS window_end
        FROM
        (
            SELECT w AS `window`, day,
                multiIf(
                    w = '1w', if(sunday_weeks, toStartOfWeek(day, 0), toStartOfWeek(day, 1)),
                    w = '1mo', toStartOfMonth(day),
                    w = '1d', day,
                    day + shift - {{template "trailing_days" "w"}} + 1) AS first,
                multiIf(w = '1w', first + 6, w = '1mo', addMonths(first, 1) - 1, w = '1d', day, day + shift) AS last
            FROM {{db}}.calendar FINAL
            ARRAY JOIN listed_windows AS w
            ARRAY JOIN range(if(endsWith(w, '/1d'), {{template "trailing_days" "w"}}, 1)) AS shift
            WHERE w != '1h' AND (NOT endsWith(w, '/1d') OR last <= today)
        ) AS s
        INNER JOIN {{template "calendar"}} AS f ON f.day = s.first
        INNER JOIN {{template "calendar"}} AS l ON l.day = s.last + 1
    )
{{- end}}
