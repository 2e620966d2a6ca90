CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
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
    (SELECT minOrNullIf(first_received, first_received > 0) FROM {{db}}.checkpoints FINAL WHERE generation = {{template "generation"}}) AS complete_ms
SELECT metric, cohort, owner, objective, indicator, direction, action, runbook, description, mapSort(labels) AS labels,
    target_value, target_by, review_by, period, periods, target_period, guardrails, formula, definition_hash, active_since,
    fromUnixTimestamp64Milli(complete_ms, 'UTC') AS complete_from
FROM {{db}}.metrics FINAL
WHERE catalog_version = (SELECT max(catalog_version) FROM {{db}}.catalogs)
ORDER BY position
{{template "settings"}}
COMMENT 'The metrics in force: what each computes, who owns it, and from when its numbers are complete'
