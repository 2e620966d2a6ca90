CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "user_columns"}}
    kind LowCardinality(String) COMMENT 'Kind of the metric: activation, ttfv or adoption',
    reached_at Nullable(DateTime64(3, 'UTC')) COMMENT 'When the user activated, reached value or first used the feature, within the time allowed; NULL when not yet',
    seconds Nullable(Float64) COMMENT 'Seconds from entry to reached_at',
    {{template "step_columns"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "chosen_alone" kinds "reached"}}
SELECT metric, cohort, user_id, cohort_start, segments,
    fromUnixTimestamp64Milli(entry_ms, 'UTC') AS entered_at, kind,
    if(reach_ms = 0, NULL, fromUnixTimestamp64Milli(reach_ms, 'UTC')) AS reached_at,
    if(reach_ms = 0, NULL, (reach_ms - entry_ms) / 1000) AS seconds,
    {{template "steps"}}
FROM
(
    {{template "progress"}}
)
{{template "settings"}}
COMMENT 'Every entered user and how far they are with each metric of their cohort'
