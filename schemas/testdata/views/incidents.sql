CREATE OR REPLACE VIEW `firstlight`.`incidents`
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
    message String COMMENT 'The message sent, JSON',
    day Date COMMENT 'Local date of window_start: west and east of UTC toDate(window_start) is another day'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT incident_id, seq, at, state, reason, severity, metric, cohort, `window`, window_start, window_end, age_seconds, k, n,
    value, expected, expected_low, expected_high, users_lost, method, summary, message,
    if(c.start = 0, toDate(window_start), c.day) AS day
FROM (SELECT *, 0 AS one FROM `firstlight`.incident_log FINAL) AS i
ASOF LEFT JOIN (SELECT day, start, 0 AS one FROM (SELECT day, start FROM `firstlight`.calendar FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS c ON c.one = i.one AND c.start <= i.window_start
ORDER BY incident_id, seq DESC
LIMIT 1 BY incident_id
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Incidents, each as of its newest message'
