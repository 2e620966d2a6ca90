CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    {{template "cohort_start_column"}}
    age_seconds UInt64 COMMENT 'Age since entry: 1m, 5m, 15m, 1h, 4h, 12h, 1d to 28d, then every 7 days up to 5 years; at most within',
    eligible UInt64 COMMENT 'Users who entered at least this long before as_of',
    reached UInt64 COMMENT 'Of those, users who had activated or reached value by this age',
    {{template "rate_columns" "reached / eligible"}},
    at_risk UInt64 COMMENT 'Users who were followed to this age and had not got there before it',
    km_rate Nullable(Float64) COMMENT 'Kaplan-Meier estimate of the share that gets there by this age; NULL until one user was followed that long',
    km_low Nullable(Float64) COMMENT 'Lower 95 % limit of km_rate, log-log; NULL at a rate of 0 or 1',
    km_high Nullable(Float64) COMMENT 'Upper 95 % limit of km_rate, log-log; NULL at a rate of 0 or 1',
    is_mature Bool COMMENT 'All who entered are eligible at this age'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "listed_ages"}},
    {{template "chosen" kinds "by_age"}},
    {{template "followed_by_cohort"}},
    -- Of a bucket only part of which was followed to an age, nobody counts as reached at that age, not even who did it already.
    early AS
    (
        SELECT metric, {{seg ""}} cohort_start, sumMap(early) AS early_by_age, sumMap(map(ended, toInt64(arraySum(mapValues(early))))) AS early_by_end
        FROM
        (
            SELECT metric, {{seg ""}} cohort_start, ended, mapFilter((age, users) -> age >= beyond.age, mapFromArrays(ages, counts)) AS early
            FROM
            (
                SELECT name AS metric, {{seg ""}} cohort_start, ages, counts, toUnixTimestamp(bucket_end) AS ended,
                    (as_of_s - ended) * 1000 AS followed_ms, 0 AS key
                {{template "from_reach"}} AND notEmpty(ages)
            ) AS r
            ASOF JOIN (SELECT age, toInt64(upper_ms) AS upper_ms, 0 AS key FROM {{db}}.age_edges FINAL) AS beyond
                ON beyond.key = r.key AND beyond.upper_ms > r.followed_ms
            WHERE ages[-1] >= beyond.age
        )
        GROUP BY metric, {{seg ""}} cohort_start
    ),
    {{template "curve"}},
    counted AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort, {{seg "c."}} c.cohort_start AS cohort_start, within_seconds, entered_by_end, censored,
            event_age, event_n, km_s, km_low, km_high,
            mapSubtract(users_by_age, early_by_age) AS counted_by_age, mapSubtract(reached_by_end, early_by_end) AS counted_by_end
        FROM curve AS c
        LEFT JOIN early AS r ON {{equal "r." "c." "metric, cohort_start"}}
    ),
    -- One sweep over ages: what happens at each, events first, then the reading of listed ages, then the end of follow-up.
    swept AS
    (
        SELECT metric, cohort, {{seg ""}} cohort_start, {{template "now"}},
            arraySum(mapValues(entered_by_end)) AS entered,
            arrayFilter(age -> within_seconds = 0 OR age <= within_seconds, listed) AS shown,
            -- (age, order, curve, lower and upper bound, events, of them counted as reached, end of follow-up, of them not reached)
            arraySort(arrayConcat(
                arrayMap((age, users, counted, s, low, high) -> (age, 1, s, low, high, toInt64(users), toInt64(counted), toInt64(0), toInt64(0)),
                    event_age, event_n, mapValues(counted_by_age), km_s, km_low, km_high),
                arrayMap(age -> (toFloat64(age), 2, 1., nan, nan, toInt64(0), toInt64(0), toInt64(0), toInt64(0)), shown),
                arrayMap((ended, users) -> (toFloat64(now_s - ended), 3, 1., nan, nan, toInt64(0), toInt64(0), toInt64(users), toInt64(0)),
                    mapKeys(entered_by_end), mapValues(entered_by_end)),
                arrayMap((ended, users) -> (toFloat64(now_s - ended), 3, 1., nan, nan, toInt64(0), toInt64(0), toInt64(0), toInt64(users)),
                    mapKeys(censored), mapValues(censored)),
                arrayMap((ended, users) -> (toFloat64(now_s - ended), 3, 1., nan, nan, toInt64(0), -toInt64(users), toInt64(0), toInt64(0)),
                    mapKeys(counted_by_end), mapValues(counted_by_end)))) AS sweep
        FROM counted
    ),
    listed_only AS
    (
        SELECT metric, cohort, {{seg ""}} cohort_start, entered, shown,
            arrayMap(p -> p.2 = 2, sweep) AS here,
            arrayFilter((p, h) -> h, arrayFill(p -> p.2 = 1, sweep), here) AS last_event,
            arrayFilter((total, h) -> h, arrayCumSum(p -> p.6, sweep), here) AS events_by,
            arrayFilter((total, h) -> h, arrayCumSum(p -> p.7, sweep), here) AS reached_by,
            arrayFilter((total, h) -> h, arrayCumSum(p -> p.8, sweep), here) AS entered_left,
            arrayFilter((total, h) -> h, arrayCumSum(p -> p.9, sweep), here) AS unreached_left
        FROM swept
    ),
    by_age AS
    (
        SELECT metric, cohort, {{seg ""}} cohort_start, toUInt64(age) AS age_seconds, event,
            toUInt64(entered - left_n) AS eligible, toUInt64(greatest(0, reached_n)) AS reached,
            toUInt64(greatest(0, entered - events_n - unreached_left_n + if(event.2 = 1 AND event.1 = age, event.6, 0))) AS at_risk,
            eligible = entered AS is_whole
        FROM listed_only
        ARRAY JOIN shown AS age, last_event AS event, events_by AS events_n, reached_by AS reached_n,
            entered_left AS left_n, unreached_left AS unreached_left_n
        WHERE eligible > 0 OR reached > 0 OR at_risk > 0
    )
SELECT metric, cohort, {{seg ""}} cohort_start, age_seconds, eligible, reached,
    {{template "rate" args "k" "reached" "n" "eligible"}},
    at_risk,
    if(eligible = 0, NULL, 1 - event.3) AS km_rate,
    if(eligible = 0 OR isNaN(event.5), NULL, 1 - event.5) AS km_low,
    if(eligible = 0 OR isNaN(event.4), NULL, 1 - event.4) AS km_high,
    toBool(is_whole) AS is_mature
FROM by_age
{{template "settings"}}
COMMENT 'How far each cohort has got by age since entry: the shape of activation and of time to first value{{if segments}}, by segment{{end}}'
