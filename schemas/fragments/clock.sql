{{- /*
The scalars every view starts from. as_of comes from the stream's progress, never from a clock. Analysing a view takes as long as
reading it, and a scalar is analysed, with all the scalars in it, once for each subquery and lambda that names it. So views name one
once and pass it on as a column, as "curve" does with now_s.
*/ -}}

{{define "generation"}}{{/* the one in force: rows of others count nowhere */ -}}
    (SELECT max(generation) FROM {{db}}.generations)
{{- end}}

{{define "catalog_version"}}{{/* of the catalog in force */ -}}
    (SELECT max(catalog_version) FROM {{db}}.catalogs WHERE generation = {{template "generation"}})
{{- end}}

{{define "origins"}}{{/* where the cells of the metrics in force stand, as arrays of (generation, name): of metrics, and of entries into their cohorts. They stand in one scalar, because a subquery on the right of an IN is planned anew for each */ -}}
    groupArray((cells, metric)), groupArray((cohort_cells, cohort))
{{- end}}

{{define "metrics_in_force"}}{{/* for views of all kinds: the scalar that metric_cells and cohort_cells read */ -}}
    assumeNotNull((SELECT ({{template "origins"}}) FROM {{db}}.metrics FINAL WHERE catalog_version = {{template "catalog_version"}})) AS metrics_in_force
{{- end}}

{{define "metric_cells"}}{{/* cells of the metrics in force: each stands under the generation in which its definition was taken up */ -}}
    (generation, name) IN metrics_in_force.1
{{- end}}

{{define "cohort_cells"}}{{/* entries into the cohorts of the metrics in force */ -}}
    (generation, name) IN metrics_in_force.2
{{- end}}

{{define "volume_cells"}}{{/* the generation of event volumes */ -}}
    (SELECT argMax(volumes, catalog_version) FROM {{db}}.catalogs FINAL WHERE generation = {{template "generation"}})
{{- end}}

{{define "clock" -}}
    assumeNotNull((SELECT min(as_of) FROM {{db}}.progress FINAL WHERE generation = {{template "generation"}})) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time
{{- end}}

{{define "catalog" -}}
    assumeNotNull((SELECT argMax((settle_seconds, lateness_seconds, week_start = 'sunday', windows), catalog_version) FROM {{db}}.catalogs WHERE generation = {{template "generation"}})) AS newest_catalog,
    newest_catalog.1 AS settle_s,
    newest_catalog.2 AS lateness_s,
    newest_catalog.3 AS sunday_weeks,
    newest_catalog.4 AS listed_windows
{{- end}}

{{define "chosen"}}{{/* the metrics in force of the kinds named, and where their cells stand */ -}}
    assumeNotNull((SELECT ({{template "origins"}}, max(within_seconds)) FROM {{db}}.metrics FINAL WHERE catalog_version = {{template "catalog_version"}} AND kind IN ({{.}}))) AS metrics_in_force,
    {{template "chosen_alone" .}}
{{- end}}

{{define "chosen_alone"}}{{/* for views that read no cells. A table: through rows of a scalar, what a reader asks of one metric would not reach the cells behind a join */ -}}
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM {{db}}.metrics FINAL
        WHERE catalog_version = {{template "catalog_version"}} AND kind IN ({{.}})
    )
{{- end}}

{{define "settled"}}{{/* is_settled and is_final of the window that ends at window_end */ -}}
    toBool(toUnixTimestamp(window_end) + settle_s <= as_of_s) AS is_settled,
    toBool(toUnixTimestamp(window_end) + lateness_s <= as_of_s) AS is_final
{{- end}}

{{define "settings"}}{{/* views mean the same whatever the reader's session has set; the old analyzer cannot be pinned away and refuses their WITH RECURSIVE */ -}}
    SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
{{- end}}
