CREATE OR REPLACE VIEW `firstlight`.`metric_catalog`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    owner String COMMENT 'Who answers for the metric',
    objective String COMMENT 'What the metric serves',
    indicator LowCardinality(String) COMMENT 'leading or lagging',
    direction LowCardinality(String) COMMENT 'Which way is good: up or down',
    action String COMMENT 'What to do when the metric is off',
    runbook String COMMENT 'Link to the runbook; empty when there is none',
    description String COMMENT 'Description; empty when there is none',
    labels Map(String, String) COMMENT 'Labels as the catalog gives them',
    target_value Nullable(Float64) COMMENT 'Value to reach: a rate, or seconds for ttfv; NULL when there is no target',
    target_by Nullable(Date) COMMENT 'When the target should be reached',
    review_by Nullable(Date) COMMENT 'When the metric should be reviewed',
    period LowCardinality(String) COMMENT 'Of metrics that follow users in periods: day, week, calendar_day, calendar_week or calendar_month; else empty',
    periods UInt16 COMMENT 'Number of the last period; 0 without periods',
    target_period UInt16 COMMENT 'The period that the value in metric_status and the target are of; 0 without periods',
    guardrails String COMMENT 'Guardrails as the catalog writes them, a JSON array; [] when there are none',
    formula String COMMENT 'What the metric computes, in words',
    definition_hash String COMMENT 'Hash of everything that decides the numbers: it changes when they may',
    active_since DateTime64(3, 'UTC') COMMENT 'When this definition took effect',
    complete_from Nullable(DateTime64(3, 'UTC')) COMMENT 'Received time of the first event behind the numbers: they are complete from here; NULL before the first event'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    (SELECT minOrNullIf(first_received, first_received > 0) FROM `firstlight`.checkpoints FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AS complete_ms
SELECT metric, cohort, owner, objective, indicator, direction, action, runbook, description, mapSort(labels) AS labels,
    target_value, target_by, review_by, period, periods, target_period, guardrails, formula, definition_hash, active_since,
    fromUnixTimestamp64Milli(complete_ms, 'UTC') AS complete_from
FROM `firstlight`.metrics FINAL
WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs)
ORDER BY position
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'The metrics in force: what each computes, who owns it, and from when its numbers are complete'
