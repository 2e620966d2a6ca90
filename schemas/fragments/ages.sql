{{- /* The ages at which progress is shown. Each is the upper edge of an age bucket. */ -}}

{{define "listed_ages" -}}
    arrayConcat([60, 300, 900, 3600, 14400, 43200],
        arrayMap(days -> days * 86400, range(1, 29)), arrayMap(days -> days * 86400, range(35, 1827, 7))) AS listed,
    (SELECT groupArray(upper_ms) FROM (SELECT upper_ms FROM {{db}}.age_edges FINAL ORDER BY age)) AS edges
{{- end}}

{{define "followed_ms"}}{{/* how long all users of a bucket were followed */ -}}
    (as_of_s - toUnixTimestamp(bucket_end)) * 1000
{{- end}}
