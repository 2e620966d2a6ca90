{{- /* The ages at which progress is shown. Each is the upper edge of an age bucket. */ -}}

{{define "listed_ages" -}}
    arrayConcat([60, 300, 900, 3600, 14400, 43200],
        arrayMap(days -> days * 86400, range(1, 29)), arrayMap(days -> days * 86400, range(35, 1827, 7))) AS listed
{{- end}}
