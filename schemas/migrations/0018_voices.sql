-- What people say is kept by message, under the definition that read it: whoever computes that definition writes the same rows, so they
-- belong to no generation. Where people stood then is read from their steps, whose times stand with the users: of catalogs with voices
-- only.

CREATE TABLE IF NOT EXISTS {{db}}.said
(
    definition String COMMENT 'Hash of the voice, and of what decides which events it hears',
    stream_created Int64 COMMENT 'When the stream was created, ms',
    partitions UInt16 COMMENT 'Number of partitions: events are late by partition',
    sequence UInt64 COMMENT 'Stream sequence of the message',
    partition UInt16,
    voice LowCardinality(String),
    user_id String,
    at Int64 COMMENT 'Event time, ms',
    text String
)
ENGINE = ReplacingMergeTree
ORDER BY (definition, stream_created, partitions, sequence);

CREATE TABLE IF NOT EXISTS {{db}}.voices_keep
(
    since DateTime64(3, 'UTC') COMMENT 'By the clock of the worker that says so; the newest counts',
    keep_ms Int64 COMMENT 'How long texts are kept'
)
ENGINE = ReplacingMergeTree
ORDER BY since;

ALTER TABLE {{db}}.catalogs ADD COLUMN IF NOT EXISTS voices Array(String) COMMENT 'Definitions of the voices that are shown';

ALTER TABLE {{db}}.users ADD COLUMN IF NOT EXISTS excluded Bool COMMENT 'Left out by exclude: in no row of users or cohorts';

ALTER TABLE {{db}}.users ADD COLUMN IF NOT EXISTS step_times Array(Array(Int64)) COMMENT 'Per metric: when each step was reached, ms; 0 when not. Empty where the catalog has no voices';
