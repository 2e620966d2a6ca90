CREATE OR REPLACE VIEW `firstlight`.`voices`
(
    voice LowCardinality(String) COMMENT 'Name of the voice in the catalog',
    user_id String COMMENT 'The user, as the events name them',
    at DateTime64(3, 'UTC') COMMENT 'Time of the event that says it',
    text String COMMENT 'What the user says, at most 2,000 bytes: plain text, whatever it looks like',
    metric LowCardinality(String) COMMENT 'Name of a metric of a cohort that the user had entered by then; empty in the one row of a user who had entered none',
    cohort_start Nullable(Date) COMMENT 'First local day of the day, week or month in which the user entered; NULL where metric is empty',
    segments Map(String, String) COMMENT 'Segment values from the entry event, by segment name, in the order of names',
    steps_done UInt64 COMMENT 'Steps the user had completed by then; metrics without steps count as one',
    next_step String COMMENT 'Name of the first step in catalog order that the user had not reached by then; empty when none was missing'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT min(as_of) FROM `firstlight`.progress FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time,
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('activation', 'ttfv', 'adoption')
    ),
    assumeNotNull((SELECT groupArray((metric, position, cohort_position, steps)) FROM (SELECT * FROM chosen ORDER BY position))) AS metrics,
    assumeNotNull((SELECT argMax(voices, catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS shown,
    assumeNotNull((SELECT (max(stream_created), max(partitions)) FROM `firstlight`.checkpoints WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS of_stream,
    assumeNotNull((SELECT if(count() = 0, toInt64(90 * 86400000), argMax(keep_ms, since)) FROM `firstlight`.voices_keep)) AS keep_ms,
    left_out AS
    (
        SELECT partition, token, max(sequence) AS until
        FROM `firstlight`.forgotten FINAL
        WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)
        GROUP BY partition, token
    ),
    heard AS
    (
        SELECT partition, sequence, voice, user_id, at_ms, text
        FROM
        (
            SELECT partition, sequence, voice, user_id, at AS at_ms, text
            FROM `firstlight`.said FINAL
            WHERE has(shown, definition) AND (stream_created, partitions) = of_stream AND at > as_of_ms - keep_ms
        ) AS v
        LEFT JOIN left_out AS o ON o.partition = v.partition AND o.token = substring(lower(hex(SHA256(v.user_id))), 1, 32)
        WHERE sequence > until
        ORDER BY at_ms DESC, sequence DESC, voice
        LIMIT 100 BY partition, user_id
    ),
    people AS
    (
        SELECT partition, user_id, entered_at, cohort_start AS starts, segments AS values, step_times
        FROM `firstlight`.users FINAL
        WHERE generation = (SELECT max(generation) FROM `firstlight`.generations) AND NOT excluded AND user_id IN (SELECT user_id FROM heard)
    )
SELECT voice, user_id, fromUnixTimestamp64Milli(at_ms, 'UTC') AS at, text, m.1 AS metric,
    if(m.2 = 0, NULL, starts[m.3]) AS cohort_start,
    mapSort(values[m.3]) AS segments,
    toUInt64(arrayCount(t -> t != 0 AND t <= at_ms, step_times[m.2])) AS steps_done,
    m.4[arrayFirstIndex(t -> t = 0 OR t > at_ms, step_times[m.2])] AS next_step
FROM
(
    SELECT s.voice AS voice, s.user_id AS user_id, s.at_ms AS at_ms, s.text AS text, p.starts AS starts, p.values AS values, p.step_times AS step_times, p.entered_at AS entered_at
    FROM heard AS s
    INNER JOIN people AS p ON p.partition = s.partition AND p.user_id = s.user_id
)
LEFT ARRAY JOIN arrayFilter(c -> entered_at[c.3] != 0 AND entered_at[c.3] <= at_ms, metrics) AS m
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'What people say, with where they stood then: one row for each metric of the cohorts they had entered'
