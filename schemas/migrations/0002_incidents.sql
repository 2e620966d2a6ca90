-- What was said to on-call, and what people note beside the numbers.

CREATE TABLE IF NOT EXISTS {{db}}.incident_log
(
    {{template "incident_columns"}}
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
