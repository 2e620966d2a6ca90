CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    step UInt8 COMMENT 'Position of the step in the catalog, from 1',
    step_name String COMMENT 'Name of the step',
    eligible UInt64 COMMENT 'Users whose within had passed at as_of',
    reached UInt64 COMMENT 'Of the eligible, users who reached the step in time; in a sequence also all steps before it',
    {{template "rate_columns" "reached / eligible"}},
    p50_seconds Nullable(Float64) COMMENT 'Median seconds from entry to the step, of the users in reached, within 1 %'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH
    {{template "clock"}},
    {{template "chosen" "'activation'"}},
    eligible_users AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort, {{seg "e."}} cohort_start, any(c.steps) AS steps, sum(users) AS eligible
        FROM
        (
            SELECT name AS cohort, {{seg ""}} cohort_start, bucket_end, sum(n) AS users
            {{template "from_entry"}}
            GROUP BY cohort, {{seg ""}} cohort_start, bucket_end
        ) AS e
        INNER JOIN chosen AS c ON c.cohort = e.cohort
        WHERE {{template "is_eligible" "toUnixTimestamp(bucket_end)"}}
        GROUP BY metric, cohort, {{seg ""}} cohort_start
        HAVING eligible > 0
    ),
    reach AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, stage AS step, {{template "by_age"}}
        FROM {{db}}.cells AS r FINAL
        INNER JOIN chosen AS c ON c.metric = r.name
        WHERE generation = 1 AND r.kind = 'reach' AND stage > 0 AND {{segmented}}
            AND {{template "is_eligible" "toUnixTimestamp(bucket_end)"}}
        GROUP BY metric, {{seg ""}} cohort_start, step
    ),
    steps AS
    (
        SELECT e.metric AS metric, e.cohort AS cohort, {{seg "e."}} e.cohort_start AS cohort_start, e.step AS step,
            step_name, toUInt64(e.eligible) AS eligible, r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age
        FROM
        (
            SELECT metric, cohort, {{seg ""}} cohort_start, eligible, step, step_name
            FROM eligible_users
            ARRAY JOIN steps AS step_name, arrayMap(i -> toUInt8(i), arrayEnumerate(steps)) AS step
        ) AS e
        LEFT JOIN reach AS r ON {{equal "r." "e." "metric, cohort_start, step"}}
    )
SELECT metric, cohort, {{seg ""}} cohort_start, step, step_name, eligible, event_total AS reached,
    {{template "rate" args "reached" "eligible"}},
    p50_seconds
FROM
(
    SELECT *, {{template "events"}},
        {{template "quantile" args "50" "p50_seconds"}}
    FROM steps
)
{{template "settings"}}
COMMENT 'The funnel of each activation: how many of the eligible users of a cohort reached each step in time{{if segments}}, by segment{{end}}'
