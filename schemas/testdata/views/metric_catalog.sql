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
    stage LowCardinality(String) COMMENT 'The stage of the product that it belongs to: early, growth or maturity; empty when not said',
    period LowCardinality(String) COMMENT 'Of metrics that follow users in periods: day, week, calendar_day, calendar_week or calendar_month; else empty',
    periods UInt16 COMMENT 'Number of the last period; 0 without periods',
    target_period UInt16 COMMENT 'The period that the value in metric_status and the target are of; 0 without periods',
    guardrails String COMMENT 'Guardrails as the catalog writes them, a JSON array; [] when there are none',
    formula String COMMENT 'What the metric computes, in words',
    definition_hash String COMMENT 'Hash of everything that decides the numbers: it changes when they may',
    active_since Nullable(DateTime64(3, 'UTC')) COMMENT 'When this definition took effect; NULL of one that has not yet',
    complete_from Nullable(DateTime64(3, 'UTC')) COMMENT 'Received time of the first event behind the numbers: they are complete from here; NULL before the first event',
    state LowCardinality(String) COMMENT 'active; or building: a new definition is computed beside, and what is shown is the one before it, if there is one',
    progress Float64 COMMENT 'Of a definition that is computed: the share of the stream that it has read; else 1'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT max(generation) FROM `firstlight`.generations)) AS in_force,
    assumeNotNull((SELECT if(argMax(beside, generation), max(generation), 0) FROM `firstlight`.definitions WHERE generation > in_force)) AS building,
    assumeNotNull((SELECT max(began) FROM `firstlight`.generations WHERE generation = in_force)) AS began_at,
    (SELECT minOrNullIf(first_received, first_received > 0) FROM `firstlight`.checkpoints FINAL WHERE generation = in_force) AS complete_ms,
    -- Numbers that are united with those in force have read what the generation has that they join.
    assumeNotNull((SELECT max(joins) FROM `firstlight`.definitions WHERE generation = building)) AS joined,
    assumeNotNull((SELECT sum(r) FROM (SELECT max(received) AS r FROM `firstlight`.checkpoints FINAL WHERE generation IN (building, joined) GROUP BY partition))) AS read_n,
    assumeNotNull((SELECT sum(lag) FROM `firstlight`.progress FINAL WHERE generation = building)) AS waiting_n,
    shown AS (SELECT * FROM `firstlight`.metrics FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))),
    coming AS
    (
        SELECT * FROM `firstlight`.metrics FINAL
        WHERE building > 0 AND catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = building)
    ),
    built AS (SELECT metric FROM coming WHERE (metric, definition_hash) NOT IN (SELECT metric, definition_hash FROM shown))
SELECT metric, cohort, owner, objective, indicator, direction, action, runbook, description, mapSort(labels) AS labels,
    target_value, target_by, review_by, stage, period, periods, target_period, guardrails, formula, definition_hash,
    multiIf(NOT is_shown, NULL, toUnixTimestamp64Milli(since) = 0, began_at, since) AS active_since,
    if(is_shown, fromUnixTimestamp64Milli(if(own_complete_ms = 0, complete_ms, own_complete_ms), 'UTC'), NULL) AS complete_from,
    if(is_built, 'building', 'active') AS state,
    multiIf(NOT is_built, 1., read_n + waiting_n = 0, 0., read_n / (read_n + waiting_n)) AS progress
FROM
(
    SELECT * EXCEPT (active_since, complete_from), active_since AS since, shown.complete_from AS own_complete_ms, true AS is_shown, metric IN (SELECT metric FROM built) AS is_built FROM shown
    UNION ALL
    SELECT * EXCEPT (active_since, complete_from), active_since AS since, coming.complete_from AS own_complete_ms, false AS is_shown, true AS is_built FROM coming WHERE metric NOT IN (SELECT metric FROM shown)
)
ORDER BY is_shown DESC, position
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'The metrics in force, what each computes, who owns it, and from when its numbers are complete; and those whose definition is being computed'
