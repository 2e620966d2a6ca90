-- Up to when anomalies were judged, and when each message was put into the log: it may be about a time long past.

CREATE TABLE IF NOT EXISTS {{db}}.evaluations
(
    id UInt8 DEFAULT 1,
    as_of DateTime64(3, 'UTC') COMMENT 'The stream''s time of the last evaluation'
)
ENGINE = ReplacingMergeTree(as_of)
ORDER BY id;

ALTER TABLE {{db}}.incident_log ADD COLUMN IF NOT EXISTS said_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'When the message was put here';
