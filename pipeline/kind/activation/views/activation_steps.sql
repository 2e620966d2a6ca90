CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    step UInt8 COMMENT 'Position of the step in the catalog, from 1',
    step_name String COMMENT 'Name of the step',
    eligible UInt64 COMMENT 'Users whose within had passed at as_of',
    reached UInt64 COMMENT 'Of the eligible, users who reached the step in time; in a sequence also all steps before it',
    {{template "rate_columns" "reached / eligible"}},
    p50_seconds Nullable(Float64) COMMENT 'Median seconds from entry to the step, of the users in reached, within 1 %',
    from_previous_rate Nullable(Float64) COMMENT 'Of a sequence: reached / reached of the step before, and for the first step of eligible; NULL for steps in any order',
    from_previous_low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of from_previous_rate',
    from_previous_high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of from_previous_rate',
    p50_from_previous_seconds Nullable(Float64) COMMENT 'Of a sequence: median seconds from the step before, and for the first step from entry, of the users in reached, within 1 %'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "chosen" "'activation'"}},
    eligible_users AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort, {{seg "e."}} cohort_start, any(c.steps) AS steps, any(c.sequence) AS in_sequence, sum(users) AS eligible
        FROM
        (
            SELECT name AS cohort, {{seg ""}} cohort_start, bucket_end, sum(n) AS users
            {{template "from_entry"}}
            GROUP BY cohort, {{seg ""}} cohort_start, bucket_end
        ) AS e
        INNER JOIN chosen AS c ON c.cohort = e.cohort
        WHERE {{template "is_eligible" args "bucket_end" "toUnixTimestamp(bucket_end)" "now" "as_of_s"}} AND toUnixTimestamp(bucket_end) > counts_from
        GROUP BY metric, cohort, {{seg ""}} cohort_start
        HAVING eligible > 0
    ),
    reach AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, stage AS step,
            {{template "by_age_of" args "kind" "reach" "suffix" ""}}, {{template "by_age_of" args "kind" "between" "suffix" "_between"}}
        FROM {{db}}.cells AS r FINAL
        INNER JOIN chosen AS c ON c.metric = r.name
        WHERE {{template "metric_cells"}} AND r.kind IN ('reach', 'between') AND stage > 0 AND {{segmented}}
            AND {{template "is_eligible" args "bucket_end" "toUnixTimestamp(bucket_end)" "now" "as_of_s"}}
        GROUP BY metric, {{seg ""}} cohort_start, step
    ),
    steps AS
    (
        SELECT e.metric AS metric, e.cohort AS cohort, {{seg "e."}} e.cohort_start AS cohort_start, e.step AS step,
            step_name, in_sequence, toUInt64(e.eligible) AS eligible, r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age,
            if(step = 1, users_by_age, r.users_by_age_between) AS users_by_wait, if(step = 1, ms_by_age, r.ms_by_age_between) AS ms_by_wait
        FROM
        (
            SELECT metric, cohort, {{seg ""}} cohort_start, in_sequence, eligible, step, step_name
            FROM eligible_users
            ARRAY JOIN steps AS step_name, arrayMap(i -> toUInt8(i), arrayEnumerate(steps)) AS step
        ) AS e
        LEFT JOIN reach AS r ON {{equal "r." "e." "metric, cohort_start, step"}}
    ),
    reached_steps AS
    (
        SELECT metric, cohort, {{seg ""}} cohort_start, step, step_name, in_sequence, eligible, event_total AS reached, p50_seconds,
            lagInFrame(reached, 1, eligible) OVER (PARTITION BY metric, cohort, {{seg ""}} cohort_start ORDER BY step) AS previous,
            users_by_wait AS users_by_age, ms_by_wait AS ms_by_age
        FROM
        (
            SELECT *, {{template "events"}},
                {{template "quantiles" "50"}}[1] AS p50_seconds
            FROM steps
        )
    )
SELECT metric, cohort, {{seg ""}} cohort_start, step, step_name, eligible, reached,
    {{template "rate" args "k" "reached" "n" "eligible"}},
    p50_seconds,
    if(in_sequence, reached / nullIf(previous, 0), NULL) AS from_previous_rate,
    if(in_sequence, {{template "wilson_low" args "k" "reached" "n" "previous"}}, NULL) AS from_previous_low,
    if(in_sequence, {{template "wilson_high" args "k" "reached" "n" "previous"}}, NULL) AS from_previous_high,
    if(in_sequence, p50_wait, NULL) AS p50_from_previous_seconds
FROM
(
    SELECT *, {{template "events"}},
        {{template "quantiles" "50"}}[1] AS p50_wait
    FROM reached_steps
)
{{template "settings"}}
COMMENT 'The funnel of each activation: how many of the eligible users of a cohort reached each step in time{{if segments}}, by segment{{end}}'
