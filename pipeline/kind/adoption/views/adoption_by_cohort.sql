CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    entered UInt64 COMMENT 'Users who entered the cohort in the period',
    eligible UInt64 COMMENT 'Of those, users whose within had passed at as_of; all entered when the metric has no within',
    adopted UInt64 COMMENT 'Of the eligible, users who used the feature, within the time allowed if any',
    {{template "rate_columns" "adopted / eligible"}},
    adopted_to_date UInt64 COMMENT 'Users of all entered who have used the feature so far, within the time allowed if any',
    p50_seconds Nullable(Float64) COMMENT 'Median seconds from entry to first use, of the users in adopted, within 1 %'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "chosen" "'adoption'"}},
    entry AS
    (
        SELECT metric, c.cohort AS cohort, {{seg ""}} cohort_start, toUInt64(sum(users)) AS entered,
            toUInt64(sumIf(users, {{template "is_eligible" args "bucket_end" "ended" "now" "as_of_s"}})) AS eligible
        FROM
        (
            SELECT name AS cohort, {{seg ""}} cohort_start, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users
            {{template "from_entry"}}
            GROUP BY cohort, {{seg ""}} cohort_start, ended
        ) AS e
        INNER JOIN chosen AS c ON c.cohort = e.cohort
        WHERE ended > counts_from
        GROUP BY metric, cohort, {{seg ""}} cohort_start
    ),
    adoption AS
    (
        SELECT metric, {{seg ""}} cohort_start, [toUInt64(sum(n))] AS to_date,
            sumMapIf(mapFromArrays(ages, counts), {{template "is_eligible" args "bucket_end" "toUnixTimestamp(bucket_end)" "now" "as_of_s"}}) AS users_by_age,
            sumMapIf(mapFromArrays(ages, sums), {{template "is_eligible" args "bucket_end" "toUnixTimestamp(bucket_end)" "now" "as_of_s"}}) AS ms_by_age
        FROM {{db}}.cells AS r FINAL
        INNER JOIN chosen AS c ON c.metric = r.name
        WHERE {{template "metric_cells"}} AND r.kind = 'reach' AND stage = 0 AND {{segmented}}
        GROUP BY metric, {{seg ""}} cohort_start
    )
SELECT metric, cohort, {{seg ""}} cohort_start, entered, eligible, event_total AS adopted,
    {{template "rate" args "k" "adopted" "n" "eligible"}},
    adopted_to_date, p50_seconds
FROM
(
    SELECT *, {{template "events"}},
        {{template "quantiles" "50"}}[1] AS p50_seconds
    FROM
    (
        SELECT e.metric AS metric, e.cohort AS cohort, {{seg "e."}} e.cohort_start AS cohort_start,
            e.entered AS entered, e.eligible AS eligible, a.to_date[1] AS adopted_to_date,
            a.users_by_age AS users_by_age, a.ms_by_age AS ms_by_age
        FROM entry AS e
        LEFT JOIN adoption AS a ON {{equal "a." "e." "metric, cohort_start"}}
    )
)
WHERE entered > 0
{{template "settings"}}
COMMENT 'Adoption of each cohort: the share of users who have used the feature since they entered{{if segments}}, by segment{{end}}'
