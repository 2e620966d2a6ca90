-- What happened beside the numbers, as published on annotations.<source>. Every message is a row; of those with one
-- source and id the newest counts. A table of an earlier plan was never written.

DROP TABLE IF EXISTS {{db}}.notes;

CREATE TABLE IF NOT EXISTS {{db}}.annotation_log
(
    source LowCardinality(String) COMMENT 'Second token of the subject',
    id String COMMENT 'With the source: what the message is about',
    stream_created Int64 COMMENT 'When the stream was created, ms: its sequences count from there',
    sequence UInt64 COMMENT 'Sequence of the message in the stream',
    deleted Bool COMMENT 'The message withdraws the annotation',
    time DateTime64(3, 'UTC') COMMENT 'When it happened or begins',
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended or will end; NULL for a moment',
    kind LowCardinality(String) COMMENT 'deploy, campaign, incident, action or expected',
    title String COMMENT 'What happened, in a few words',
    url String COMMENT 'Where to read on; empty when there is nothing',
    metric LowCardinality(String) COMMENT 'The metric it concerns; empty for all',
    text String COMMENT 'More about it',
    author String COMMENT 'Who noted it'
)
ENGINE = ReplacingMergeTree
ORDER BY (source, id, stream_created, sequence);

CREATE TABLE IF NOT EXISTS {{db}}.annotation_position
(
    stream_created Int64 COMMENT 'When the stream was created, ms: another stream starts over',
    applied_seq UInt64 COMMENT 'Sequence up to which its messages are stored',
    dead_seq UInt64 COMMENT 'Last sequence of the dead-letter stream when written'
)
ENGINE = ReplacingMergeTree(applied_seq)
ORDER BY stream_created;
