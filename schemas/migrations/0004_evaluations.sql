-- Up to when anomalies were judged.

CREATE TABLE IF NOT EXISTS {{db}}.evaluations
(
    id UInt8 DEFAULT 1,
    as_of DateTime64(3, 'UTC') COMMENT 'The stream''s time of the last evaluation'
)
ENGINE = ReplacingMergeTree(as_of)
ORDER BY id;
