-- The tables under the views. Every row is absolute and versioned: inserting it again changes nothing,
-- and of two rows with one key the one with the higher version counts.

CREATE TABLE IF NOT EXISTS {{db}}.catalogs
(
    catalog_version UInt64 COMMENT 'Milliseconds since 1970 when this catalog took effect; the largest is in force',
    product String,
    timezone String,
    week_start LowCardinality(String) COMMENT 'monday or sunday',
    lateness_seconds UInt64,
    settle_seconds UInt64,
    windows Array(String) COMMENT 'As the catalog writes them: 1h, 1d, 1w, 1mo, 7d/1d',
    cohorts Array(String) COMMENT 'Names in catalog order: a cohort''s position is its index here, from 1',
    definition_hash String,
    definition String COMMENT 'The definition as canonical JSON, to name what changed'
)
ENGINE = ReplacingMergeTree
ORDER BY catalog_version;

CREATE TABLE IF NOT EXISTS {{db}}.metrics
(
    catalog_version UInt64,
    position UInt16 COMMENT 'From 1, in catalog order',
    metric LowCardinality(String),
    kind LowCardinality(String) COMMENT 'activation, ttfv or adoption',
    cohort LowCardinality(String),
    cohort_position UInt16 COMMENT 'From 1, in catalog order',
    grain LowCardinality(String) COMMENT 'day, week or month',
    within_seconds UInt64 COMMENT '0 when there is none',
    sequence Bool,
    steps Array(String) COMMENT 'Names of the activation steps; one name for ttfv and adoption',
    segments Array(String) COMMENT 'Names of the cohort''s segments',
    owner String,
    objective String,
    indicator LowCardinality(String),
    direction LowCardinality(String),
    action String,
    runbook String,
    description String,
    labels Map(String, String),
    target_value Nullable(Float64),
    target_by Nullable(Date),
    review_by Nullable(Date),
    guardrails String COMMENT 'JSON array',
    formula String COMMENT 'What the metric computes, in words',
    definition_hash String,
    active_since DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
ORDER BY (catalog_version, position);

-- kind        what a row is                                    bucket .. bucket_end           columns used
-- entry       users who entered (name = cohort)                hour of entry, segments: day   n
-- reach       users who reached a stage, by when they entered  hour of entry, segments: day   n, ages, counts, sums
-- done        users who reached stage 0, by when they did      hour, segments: day            n, ages, counts, sums
-- between     users who reached stage i >= 2 of a sequence,    hour of entry, segments: day   n; ages, counts, sums of the
--             by when they entered                                                            time since stage i - 1
-- window      adoption in one tumbling window                  the window                     active, adopters, new_adopters, n
-- trailing    changes of a trailing window's distinct counts   the last local day of window   active, adopters, and in the
--             (running sums over day are the counts)                                          not-entered row also new_adopters, n
-- volume      applied events (name = source, segment_value = event)  local hour               n
--
-- stage 0 is the metric itself (activated, value, first feature use within the horizon), stage i >= 1 the
-- i-th step (in a sequence: and all before it).
CREATE TABLE IF NOT EXISTS {{db}}.cells
(
    generation UInt32 DEFAULT 1,
    kind LowCardinality(String),
    name LowCardinality(String),
    segment LowCardinality(String) COMMENT 'Empty for the whole cohort',
    segment_value String,
    cohort_start Date COMMENT '1970-01-01 in the not-entered row',
    window LowCardinality(String) COMMENT 'Of kinds window and trailing',
    stage UInt8,
    bucket DateTime('UTC'),
    partition UInt16,
    bucket_end DateTime('UTC'),
    day Date COMMENT 'Local date of bucket',
    n Int64 COMMENT 'Users; for kinds window and trailing: feature events; for volume: events',
    active Int64,
    adopters Int64,
    new_adopters Int64,
    ages Array(UInt16) COMMENT 'Age buckets, ascending: see age_edges',
    counts Array(UInt64) COMMENT 'Users per age bucket',
    sums Array(UInt64) COMMENT 'Sum of the exact ages per age bucket, ms',
    version UInt64 COMMENT 'Stream sequence applied when written'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (generation, kind, name, segment, segment_value, cohort_start, window, stage, bucket, partition);

-- Workers with a memory budget read users by name, some hundreds of many millions at a time: of rows that are marked 512 by 512 they read
-- half as much.
CREATE TABLE IF NOT EXISTS {{db}}.users
(
    generation UInt32 DEFAULT 1,
    partition UInt16,
    user_id String,
    facts String COMMENT 'The worker''s own encoding',
    last_seen Int64 COMMENT 'Largest event time, ms',
    entered_at Array(Int64) COMMENT 'Per cohort in catalog order, ms; 0 when not entered',
    cohort_start Array(Date) COMMENT 'Per cohort; 1970-01-01 when not entered',
    segments Array(Map(String, String)) COMMENT 'Per cohort',
    reached_at Array(Int64) COMMENT 'Per metric in catalog order, ms; 0 when not reached',
    steps Array(UInt64) COMMENT 'Per metric: bit i-1 is set when step i is reached',
    version UInt64 COMMENT 'Stream sequence of the user''s last event'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (generation, partition, user_id)
SETTINGS index_granularity = 512;

CREATE TABLE IF NOT EXISTS {{db}}.names
(
    generation UInt32 DEFAULT 1,
    partition UInt16,
    scope String COMMENT 'What the cap applies to: segment:<cohort>.<segment>, or source:<source>',
    value String,
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (generation, partition, scope, value);

CREATE TABLE IF NOT EXISTS {{db}}.checkpoints
(
    generation UInt32 DEFAULT 1,
    partition UInt16,
    applied_seq UInt64,
    arrival_clock Int64 COMMENT 'ms; 0 before the first message',
    first_received Int64 COMMENT 'Received time of the first message applied, ms; 0 before it',
    received UInt64,
    applied UInt64,
    ignored UInt64,
    clamped UInt64,
    dead Map(String, UInt64),
    failures Map(String, UInt64) COMMENT 'Per selector: expressions that failed',
    capped Map(String, UInt64) COMMENT 'Per cap: how often it took effect',
    dead_seq UInt64 COMMENT 'Last sequence of the dead-letter stream when written',
    stream_created Int64 COMMENT 'ms',
    partitions UInt16,
    definition_hash String,
    version UInt64 COMMENT 'applied_seq, so that of two workers the one further ahead counts'
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (generation, partition);

CREATE TABLE IF NOT EXISTS {{db}}.progress
(
    partition UInt16,
    stream_seq UInt64 COMMENT 'Last sequence of the stream',
    lag UInt64 COMMENT 'Messages of the partition that are stored and not yet applied',
    as_of Int64 COMMENT 'ms: up to here this partition does not hold back as_of',
    updated_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(as_of)
ORDER BY partition;

CREATE TABLE IF NOT EXISTS {{db}}.calendar
(
    day Date COMMENT 'Local date',
    start DateTime('UTC') COMMENT 'Its first instant'
)
ENGINE = ReplacingMergeTree
ORDER BY day;

CREATE TABLE IF NOT EXISTS {{db}}.age_edges
(
    age UInt16 COMMENT 'Age bucket: holds ages above the previous bucket''s upper edge, up to and with its own',
    upper_ms UInt64
)
ENGINE = ReplacingMergeTree
ORDER BY age;
