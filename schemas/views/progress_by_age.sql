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
WITH
    {{template "clock"}},
    {{template "listed_ages"}},
    {{template "chosen" "'activation', 'ttfv'"}},
    entry AS
    (
        SELECT name AS cohort, {{seg ""}} cohort_start,
            sumMap([toUnixTimestamp(bucket_end)], [n]) AS users,
            sumMap([{{template "places_passed"}}], [n]) AS by_passed
        FROM {{db}}.cells FINAL
        WHERE generation = 1 AND kind = 'entry' AND {{segmented}}
        GROUP BY cohort, {{seg ""}} cohort_start
    ),
    reach AS
    (
        SELECT name AS metric, {{seg ""}} cohort_start,
            sumMap([toUnixTimestamp(bucket_end)], [n]) AS users, sumMap(ages, counts, sums) AS by_age,
            sumMap([passed], [n]) AS by_passed,
            -- Who got there counts at the listed ages from there on, as far as the whole bucket was followed.
            sumMap(arrayPushBack(places, toUInt16(passed + 1)), arrayPushBack(in_time, -arraySum(in_time))) AS by_place
        FROM
        (
            SELECT name, {{seg ""}} cohort_start, bucket_end, n, ages, counts, sums,
                {{template "places_passed"}} AS passed,
                arrayMap(age -> listed_place[age - first_age + 1], ages) AS places,
                arrayMap((place, users) -> if(place <= passed, toInt64(users), 0), places, counts) AS in_time
            FROM {{db}}.cells FINAL
            WHERE generation = 1 AND kind = 'reach' AND stage = 0 AND {{segmented}} AND name IN (SELECT metric FROM chosen)
        )
        GROUP BY metric, {{seg ""}} cohort_start
    ),
    {{template "followed" "cohort_start"}},
    curve AS
    (
        SELECT f.metric AS metric, f.cohort AS cohort, {{seg "f."}} f.cohort_start AS cohort_start, within_seconds,
            entry_end, entry_n, reach_end, reach_n, ages, counts, sums,
            e.by_passed.1 AS entry_passed, e.by_passed.2 AS entry_passed_n,
            r.reach_passed AS reach_passed, r.reach_passed_n AS reach_passed_n, r.place AS place, r.place_n AS place_n,
            {{template "events"}},
            {{template "km"}}
        FROM followed AS f
        INNER JOIN entry AS e ON {{equal "e." "f." "cohort, cohort_start"}}
        LEFT JOIN
        (
            SELECT metric, {{seg ""}} cohort_start, by_passed.1 AS reach_passed, by_passed.2 AS reach_passed_n,
                by_place.1 AS place, by_place.2 AS place_n
            FROM reach
        ) AS r ON {{equal "r." "f." "metric, cohort_start"}}
    ),
    -- One sweep over ages: what changes at each, in the order of the second field, read off at the listed ages.
    swept AS
    (
        SELECT metric, cohort, {{seg ""}} cohort_start,
            arraySum(entry_n) AS entered,
            arrayFilter(age -> within_seconds = 0 OR age <= within_seconds, listed) AS shown,
            arraySort(arrayConcat(
                arrayMap((p, d) -> (toFloat64(if(p > length(listed), 1e12, listed[p])), 0, 1., nan, nan, d, toInt64(0), toInt64(0), toInt64(0)),
                    place, place_n),
                arrayMap((age, users, s, low, high) -> (age, 1, s, low, high, toInt64(0), toInt64(users), toInt64(0), toInt64(0)),
                    event_age, event_n, km_s, km_low, km_high),
                arrayMap(age -> (toFloat64(age), 2, 1., nan, nan, toInt64(0), toInt64(0), toInt64(0), toInt64(0)), shown),
                arrayMap((p, users) -> (toFloat64(if(p = 0, 0, listed[p])), 3, 1., nan, nan, toInt64(0), toInt64(0), users, users),
                    entry_passed, entry_passed_n),
                arrayMap((p, users) -> (toFloat64(if(p = 0, 0, listed[p])), 3, 1., nan, nan, toInt64(0), toInt64(0), toInt64(0), -users),
                    reach_passed, reach_passed_n))) AS sweep,
            arrayMap(p -> p.2 = 2, sweep) AS is_listed,
            arrayFilter((p, listed_here) -> listed_here, arrayFill(p -> p.2 = 1, sweep), is_listed) AS last_event,
            arrayFilter((total, listed_here) -> listed_here, arrayCumSum(p -> p.6, sweep), is_listed) AS reached_by,
            arrayFilter((total, listed_here) -> listed_here, arrayCumSum(p -> p.7, sweep), is_listed) AS events_by,
            arrayFilter((total, listed_here) -> listed_here, arrayCumSum(p -> p.8, sweep), is_listed) AS entered_left,
            arrayFilter((total, listed_here) -> listed_here, arrayCumSum(p -> p.9, sweep), is_listed) AS unreached_left,
            event_total
        FROM curve
    )
SELECT metric, cohort, {{seg ""}} cohort_start, toUInt64(age) AS age_seconds,
    toUInt64(entered - left_n) AS eligible, toUInt64(reached_n) AS reached,
    {{template "rate" args "reached" "eligible"}},
    toUInt64(entered - events_n - unreached_left_n + if(event.2 = 1 AND event.1 = age, event.7, 0)) AS at_risk,
    if(eligible = 0, NULL, 1 - event.3) AS km_rate,
    if(eligible = 0 OR isNaN(event.5), NULL, 1 - event.5) AS km_low,
    if(eligible = 0 OR isNaN(event.4), NULL, 1 - event.4) AS km_high,
    toBool(eligible = entered) AS is_mature
FROM swept
ARRAY JOIN shown AS age, last_event AS event, reached_by AS reached_n, events_by AS events_n,
    entered_left AS left_n, unreached_left AS unreached_left_n
WHERE eligible > 0 OR reached > 0 OR at_risk > 0
COMMENT 'How far each cohort has got by age since entry: the shape of activation and of time to first value{{if segments}}, by segment{{end}}'
