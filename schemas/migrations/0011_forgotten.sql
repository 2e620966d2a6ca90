-- Users who were forgotten are kept by token, without an id, for as long as windows that were final need what is left of them; and the
-- messages that were purged for them are told from those that the stream lost.

CREATE TABLE IF NOT EXISTS {{db}}.forgotten
(
    generation UInt32 DEFAULT 1,
    partition UInt16,
    token String COMMENT 'First 32 hex digits of the SHA-256 of the user id',
    sequence UInt64 COMMENT 'Stream sequence of the message that had the user forgotten',
    facts String COMMENT 'What windows that were final keep, in the worker''s own encoding; empty when none needs it any more',
    version UInt8
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (generation, partition, token, sequence);

CREATE TABLE IF NOT EXISTS {{db}}.purged
(
    sequence UInt64 COMMENT 'Stream sequence of a message that was purged for a user who was forgotten',
    generation UInt32 COMMENT 'Generation in force, which had received it; later ones never do'
)
ENGINE = ReplacingMergeTree(generation)
ORDER BY sequence;
