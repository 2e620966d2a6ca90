CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    entered UInt64 COMMENT 'Users who entered the cohort in the period',
    eligible UInt64 COMMENT 'Of those, users whose within had passed at as_of',
    activated UInt64 COMMENT 'Of the eligible, users who completed all steps within the time allowed',
    {{template "rate_columns" "activated / eligible: young users do not count, so a young cohort never looks like a drop"}},
    activated_to_date UInt64 COMMENT 'Users of all entered who have activated so far',
    rate_to_date Nullable(Float64) COMMENT 'activated_to_date / entered',
    km_rate Nullable(Float64) COMMENT 'Kaplan-Meier estimate of the share that activates within the time allowed; NULL until one user was followed that long',
    is_mature Bool COMMENT 'All entered are eligible: rate is that of the whole cohort',
    {{template "as_of_column"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "chosen" "'activation'"}},
    -- Where everybody is eligible the estimate is the plain rate. So ages are added up of those cohorts only that may be younger: a
    -- cohort is a month at most, and two days are more than any time zone.
    intDiv(as_of_s - toInt64(metrics_in_force.3), 86400) - 33 AS young,
    entry AS
    (
        SELECT name AS cohort, {{seg ""}} cohort_start, {{template "entered_by_end"}}
        {{template "from_entry"}}
        GROUP BY cohort, {{seg ""}} cohort_start
    ),
    reach AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start, {{template "reached_by_end"}},
            sumMapIf(mapFromArrays(ages, counts), is_young) AS users_by_age, sumMapIf(mapFromArrays(ages, sums), is_young) AS ms_by_age
        FROM
        (
            SELECT name, {{seg ""}} cohort_start, bucket_end, n, ages, counts, sums, toInt32(cohort_start) >= young AS is_young
            {{template "from_reach"}}
        )
        GROUP BY metric, {{seg ""}} cohort_start
    ),
    {{template "followed" "cohort_start"}},
    {{template "at_risk"}},
    totals AS
    (
        SELECT metric, cohort, {{seg ""}} cohort_start,
            toUInt64(arraySum(mapValues(entered_by_end))) AS entered,
            toUInt64({{template "eligible" "entered_by_end"}}) AS eligible,
            toUInt64({{template "eligible" "reached_by_end"}}) AS activated,
            toUInt64(arraySum(mapValues(reached_by_end))) AS activated_to_date,
            multiIf(eligible = 0, NULL, eligible = entered, activated / entered, empty(event_n), 0., 1 - exp({{template "km_log"}}[-1])) AS km_rate
        FROM at_risk
    )
SELECT metric, cohort, {{seg ""}} cohort_start, entered, eligible, activated,
    {{template "rate" args "k" "activated" "n" "eligible"}},
    activated_to_date, activated_to_date / nullIf(entered, 0) AS rate_to_date, km_rate,
    toBool(eligible = entered) AS is_mature, as_of_time AS as_of
FROM totals
WHERE entered > 0
{{template "settings"}}
COMMENT 'Activation of each cohort: the share of users who completed all steps within the time allowed since they entered{{if segments}}, by segment{{end}}'
