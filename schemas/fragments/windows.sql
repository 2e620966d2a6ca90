{{- /* Windows of local days. Local days come from the calendar table, so that no time-zone data of the server matters. */ -}}

{{define "today"}}{{/* the local day of as_of */ -}}
    assumeNotNull((SELECT maxIf(day, toUnixTimestamp(start) <= as_of_s) FROM {{db}}.calendar WHERE generation = {{template "generation"}})) AS today
{{- end}}

{{define "trailing_days"}}{{/* N of a trailing window's name */ -}}
    toUInt16OrZero(splitByChar('d', {{.}})[1])
{{- end}}

{{define "calendar" -}}
    (SELECT day, start FROM {{db}}.calendar FINAL WHERE generation = {{template "generation"}})
{{- end}}

{{define "spans"}}{{/* every listed window that is made of days, with its first day, once for each of its days; trailing ones up to that of today. With "hours" the hours are there as the day they lie in */ -}}
    spans AS
    (
        SELECT `window`, day, start_day, window_start, window_end
        FROM {{db}}.window_days FINAL
        WHERE generation = {{template "generation"}} {{- if ne (print .) "hours"}} AND `window` != '1h'{{end}} AND toUnixTimestamp(shown_from) <= as_of_s
    )
{{- end}}

{{define "window_days"}}{{/* the rows of the table of that name, from the calendar and the catalogs of its generations; an earlier version stored no generation with a catalog */ -}}
    WITH days AS (SELECT generation, day, start FROM {{db}}.calendar FINAL)
    SELECT s.generation AS generation, `window`, s.day AS day, s.first AS start_day, f.start AS window_start, e.start AS window_end,
        if(endsWith(`window`, '/1d'), l.start, toDateTime(0, 'UTC')) AS shown_from
    FROM
    (
        SELECT generation, w AS `window`, day,
            multiIf(
                w = '1w', if(sunday_weeks, toStartOfWeek(day, 0), toStartOfWeek(day, 1)),
                w = '1mo', toStartOfMonth(day),
                w IN ('1d', '1h'), day,
                day + shift - {{template "trailing_days" "w"}} + 1) AS first,
            multiIf(w = '1w', first + 6, w = '1mo', addMonths(first, 1) - 1, w IN ('1d', '1h'), day, day + shift) AS last
        FROM days
        INNER JOIN
        (
            SELECT g.generation AS generation, argMax(c.week_start = 'sunday', c.catalog_version) AS sunday_weeks, argMax(c.windows, c.catalog_version) AS listed_windows
            FROM (SELECT DISTINCT generation FROM days) AS g
            CROSS JOIN {{db}}.catalogs AS c
            WHERE c.generation = 0 OR c.generation = g.generation
            GROUP BY generation
        ) AS listed USING (generation)
        ARRAY JOIN listed_windows AS w
        ARRAY JOIN range(if(endsWith(w, '/1d'), {{template "trailing_days" "w"}}, 1)) AS shift
    ) AS s
    INNER JOIN days AS f ON f.generation = s.generation AND f.day = s.first
    INNER JOIN days AS l ON l.generation = s.generation AND l.day = s.last
    INNER JOIN days AS e ON e.generation = s.generation AND e.day = s.last + 1
{{- end}}

{{define "spans_of_buckets"}}{{/* the buckets of segments are days */ -}}
    {{if segments}}{{template "spans"}}{{else}}{{template "spans" "hours"}}{{end}}
{{- end}}

{{define "span_of_bucket"}}{{/* of a cell b that is joined with its spans as s: an hour is its own window */ -}}
    s.`window` AS `window`, if(s.`window` = '1h', b.bucket, s.window_start) AS window_start,
                if(s.`window` = '1h', b.bucket_end, s.window_end) AS window_end, s.start_day AS start_day
{{- end}}
