-- What was said to on-call, and what people note beside the numbers.

CREATE TABLE IF NOT EXISTS {{db}}.incident_log
(
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
    message String COMMENT 'The message sent, JSON'
)
ENGINE = ReplacingMergeTree
ORDER BY (incident_id, seq);

CREATE TABLE IF NOT EXISTS {{db}}.notes
(
    id UUID DEFAULT generateUUIDv4(),
    at DateTime64(3, 'UTC') COMMENT 'When it happened',
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; NULL for a moment',
    metric LowCardinality(String) COMMENT 'The metric it concerns; empty for all',
    title String,
    text String,
    author String,
    link String
)
ENGINE = ReplacingMergeTree
ORDER BY (at, id);
