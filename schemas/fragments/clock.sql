{{- /* The scalars every view starts from. as_of comes from the stream's progress, never from a clock. */ -}}

{{define "clock" -}}
    assumeNotNull((SELECT min(as_of) FROM {{db}}.progress FINAL)) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time
{{- end}}

{{define "catalog" -}}
    assumeNotNull((SELECT argMax(settle_seconds, catalog_version) FROM {{db}}.catalogs)) AS settle_s,
    assumeNotNull((SELECT argMax(lateness_seconds, catalog_version) FROM {{db}}.catalogs)) AS lateness_s,
    assumeNotNull((SELECT argMax(week_start = 'sunday', catalog_version) FROM {{db}}.catalogs)) AS sunday_weeks,
    (SELECT argMax(windows, catalog_version) FROM {{db}}.catalogs) AS listed_windows
{{- end}}

{{define "chosen"}}{{/* the metrics in force, of the kinds named */ -}}
    chosen AS
    (
        SELECT metric, cohort, kind, grain, position, cohort_position, within_seconds, sequence, steps
        FROM {{db}}.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM {{db}}.catalogs) AND kind IN ({{.}})
    )
{{- end}}

{{define "settled"}}{{/* is_settled and is_final of the window that ends at window_end */ -}}
    toBool(toUnixTimestamp(window_end) + settle_s <= as_of_s) AS is_settled,
    toBool(toUnixTimestamp(window_end) + lateness_s <= as_of_s) AS is_final
{{- end}}

{{define "settings"}}{{/* views mean the same whatever the reader's session has set */ -}}
    SETTINGS join_use_nulls = 0, group_by_use_nulls = 0, transform_null_in = 0, aggregate_functions_null_for_empty = 0,
    prefer_column_name_to_alias = 0
{{- end}}
