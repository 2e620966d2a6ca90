{{define "incident_columns" -}}
    incident_id String COMMENT 'The incident',
    seq UInt64 COMMENT 'Number of the message within the incident, from 1',
    at DateTime64(3, 'UTC') COMMENT 'as_of when it was judged',
    state LowCardinality(String) COMMENT 'opened, updated, no_data or resolved',
    reason LowCardinality(String) COMMENT 'What was noticed',
    severity LowCardinality(String) COMMENT 'critical or warning',
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort',
    `window` LowCardinality(String) COMMENT 'Kind of window that was judged',
    window_start DateTime('UTC') COMMENT 'Start of the window, inclusive',
    window_end DateTime('UTC') COMMENT 'End of the window, exclusive',
    age_seconds UInt64 COMMENT 'Age since entry at which users were judged',
    k UInt64 COMMENT 'Users who had got there',
    n UInt64 COMMENT 'Users who could have',
    value Nullable(Float64) COMMENT 'The value judged',
    expected Nullable(Float64) COMMENT 'The value expected',
    expected_low Nullable(Float64) COMMENT 'Lower end of what was expected',
    expected_high Nullable(Float64) COMMENT 'Upper end of what was expected',
    users_lost Nullable(Float64) COMMENT 'Users fewer than expected',
    method LowCardinality(String) COMMENT 'How it was judged',
    summary String COMMENT 'The incident in one sentence',
    message String COMMENT 'The message sent, JSON',
    {{template "day_column"}}
{{- end}}

{{define "from_incidents"}}{{/* every message, with the local day of its window */ -}}
SELECT incident_id, seq, at, state, reason, severity, metric, cohort, `window`, window_start, window_end, age_seconds, k, n,
    value, expected, expected_low, expected_high, users_lost, method, summary, message,
    if(c.start = 0, toDate(window_start), c.day) AS day
FROM (SELECT *, 0 AS one FROM {{db}}.incident_log FINAL) AS i
ASOF LEFT JOIN (SELECT day, start, 0 AS one FROM {{template "calendar"}}) AS c ON c.one = i.one AND c.start <= i.window_start
{{- end}}
