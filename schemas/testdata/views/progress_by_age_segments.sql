CREATE OR REPLACE VIEW `firstlight`.`progress_by_age_segments`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    segment LowCardinality(String) COMMENT 'Name of the segment; its values come from the entry event',
    segment_value String COMMENT 'Value of the segment; (none) without a value, (other) beyond those listed or the cap',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the users entered',
    age_seconds UInt64 COMMENT 'Age since entry: 1m, 5m, 15m, 1h, 4h, 12h, 1d to 28d, then every 7 days up to 5 years; at most within',
    eligible UInt64 COMMENT 'Users who entered at least this long before as_of',
    reached UInt64 COMMENT 'Of those, users who had activated or reached value by this age',
    rate Nullable(Float64) COMMENT 'reached / eligible; NULL when the denominator is 0',
    rate_low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of rate',
    rate_high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of rate',
    at_risk UInt64 COMMENT 'Users who were followed to this age and had not got there before it',
    km_rate Nullable(Float64) COMMENT 'Kaplan-Meier estimate of the share that gets there by this age; NULL until one user was followed that long',
    km_low Nullable(Float64) COMMENT 'Lower 95 % limit of km_rate, log-log; NULL at a rate of 0 or 1',
    km_high Nullable(Float64) COMMENT 'Upper 95 % limit of km_rate, log-log; NULL at a rate of 0 or 1',
    is_mature Bool COMMENT 'All who entered are eligible at this age'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT min(as_of) FROM `firstlight`.progress FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time,
    arrayConcat([60, 300, 900, 3600, 14400, 43200],
        arrayMap(days -> days * 86400, range(1, 29)), arrayMap(days -> days * 86400, range(35, 1827, 7))) AS listed,
    assumeNotNull((SELECT (groupArray((cells, metric)), groupArray((cohort_cells, cohort)), max(within_seconds)) FROM `firstlight`.metrics FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('activation', 'ttfv'))) AS metrics_in_force,
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('activation', 'ttfv')
    ),
    entry AS
    (
        SELECT name AS cohort, segment, segment_value, cohort_start, sumMap(map(toUnixTimestamp(bucket_end), n)) AS entered_by_end
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.2 AND kind = 'entry' AND segment != ''
        GROUP BY cohort, segment, segment_value, cohort_start
    ),
    reach AS
    (
        SELECT name AS metric, segment, segment_value, cohort_start, sumMap(map(toUnixTimestamp(bucket_end), n)) AS reached_by_end, sumMap(mapFromArrays(ages, counts)) AS users_by_age, sumMap(mapFromArrays(ages, sums)) AS ms_by_age
        FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.1 AND kind = 'reach' AND stage = 0 AND segment != ''
        GROUP BY metric, segment, segment_value, cohort_start
    ),
    followed AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort, e.segment AS segment, e.segment_value AS segment_value, e.cohort_start AS cohort_start, c.within_seconds AS within_seconds,
            if(c.counts_from = 0, e.entered_by_end, mapFilter((ended, users) -> ended > c.counts_from, e.entered_by_end)) AS entered_by_end, r.reached_by_end AS reached_by_end,
            r.users_by_age AS users_by_age, r.ms_by_age AS ms_by_age
        FROM chosen AS c
        INNER JOIN entry AS e ON e.cohort = c.cohort
        LEFT JOIN reach AS r ON r.metric = c.metric AND r.cohort_start = e.cohort_start AND r.segment = e.segment AND r.segment_value = e.segment_value
        WHERE notEmpty(entered_by_end)
    ),
    -- Of a bucket only part of which was followed to an age, nobody counts as reached at that age, not even who did it already.
    early AS
    (
        SELECT metric, segment, segment_value, cohort_start, sumMap(early) AS early_by_age, sumMap(map(ended, toInt64(arraySum(mapValues(early))))) AS early_by_end
        FROM
        (
            SELECT metric, segment, segment_value, cohort_start, ended, mapFilter((age, users) -> age >= beyond.age, mapFromArrays(ages, counts)) AS early
            FROM
            (
                SELECT name AS metric, segment, segment_value, cohort_start, ages, counts, toUnixTimestamp(bucket_end) AS ended,
                    (as_of_s - ended) * 1000 AS followed_ms, 0 AS key
                FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.1 AND kind = 'reach' AND stage = 0 AND segment != '' AND notEmpty(ages)
            ) AS r
            ASOF JOIN (SELECT age, toInt64(upper_ms) AS upper_ms, 0 AS key FROM `firstlight`.age_edges FINAL) AS beyond
                ON beyond.key = r.key AND beyond.upper_ms > r.followed_ms
            WHERE ages[-1] >= beyond.age
        )
        GROUP BY metric, segment, segment_value, cohort_start
    ),
    aged AS
    (
        SELECT *, as_of_ms AS now_ms, intDiv(now_ms, 1000) AS now_s,
            arrayMap((ms, users) -> ms / users / 1000, mapValues(ms_by_age), mapValues(users_by_age)) AS event_age,
    mapValues(users_by_age) AS event_n,
    arrayCumSum(event_n) AS event_cum,
    arraySum(event_n) AS event_total,
            mapFilter((bucket_end, users) -> users > 0, mapSubtract(entered_by_end, reached_by_end)) AS censored
        FROM followed
    ),
    -- (age, 0 for an event and 1 for a censoring, users)
    lined_up AS
    (
        SELECT *,
            arraySort(arrayConcat(
                arrayMap((age, users) -> (age, 0, toInt64(users)), event_age, event_n),
                arrayMap((bucket_end, users) -> (greatest(0., now_ms / 1000 - bucket_end), 1, users), mapKeys(censored), mapValues(censored)))) AS km_point,
            event_total + arraySum(mapValues(censored)) AS km_users
        FROM aged
    ),
    at_risk AS
    (
        SELECT *,
            arrayFilter((risk, point) -> point.2 = 0,
                arrayMap((point, gone) -> km_users - gone + point.3, km_point, arrayCumSum(point -> point.3, km_point)), km_point) AS km_risk
        FROM lined_up
    ),
    curve AS
    (
        SELECT *, km.1 AS km_s, km.2 AS km_low, km.3 AS km_high
        FROM
        (
            SELECT *,
                arrayMap((x, v) -> (exp(x), exp(x * exp(-1.959963984540054 * sqrt(v) / x)), exp(x * exp(1.959963984540054 * sqrt(v) / x))),
                    arrayCumSum((users, risk) -> log(1 - users / risk), event_n, km_risk),
                    arrayCumSum((users, risk) -> users / (risk * (risk - users)), event_n, km_risk)) AS km
            FROM at_risk
        )
    ),
    counted AS
    (
        SELECT c.metric AS metric, c.cohort AS cohort, c.segment AS segment, c.segment_value AS segment_value, c.cohort_start AS cohort_start, within_seconds, entered_by_end, censored,
            event_age, event_n, km_s, km_low, km_high,
            mapSubtract(users_by_age, early_by_age) AS counted_by_age, mapSubtract(reached_by_end, early_by_end) AS counted_by_end
        FROM curve AS c
        LEFT JOIN early AS r ON r.metric = c.metric AND r.cohort_start = c.cohort_start AND r.segment = c.segment AND r.segment_value = c.segment_value
    ),
    -- One sweep over ages: what happens at each, events first, then the reading of listed ages, then the end of follow-up.
    swept AS
    (
        SELECT metric, cohort, segment, segment_value, cohort_start, as_of_ms AS now_ms, intDiv(now_ms, 1000) AS now_s,
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
        SELECT metric, cohort, segment, segment_value, cohort_start, entered, shown,
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
        SELECT metric, cohort, segment, segment_value, cohort_start, toUInt64(age) AS age_seconds, event,
            toUInt64(entered - left_n) AS eligible, toUInt64(greatest(0, reached_n)) AS reached,
            toUInt64(greatest(0, entered - events_n - unreached_left_n + if(event.2 = 1 AND event.1 = age, event.6, 0))) AS at_risk,
            eligible = entered AS is_whole
        FROM listed_only
        ARRAY JOIN shown AS age, last_event AS event, events_by AS events_n, reached_by AS reached_n,
            entered_left AS left_n, unreached_left AS unreached_left_n
        WHERE eligible > 0 OR reached > 0 OR at_risk > 0
    )
SELECT metric, cohort, segment, segment_value, cohort_start, age_seconds, eligible, reached,
    reached / nullIf(eligible, 0) AS rate,
    multiIf(eligible = 0, NULL, reached <= 0, 0., (reached + 1.920729410347062 - 1.959963984540054 * sqrt(reached * (eligible - reached) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_low,
    multiIf(eligible = 0, NULL, reached >= eligible, 1., (reached + 1.920729410347062 + 1.959963984540054 * sqrt(reached * (eligible - reached) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_high,
    at_risk,
    if(eligible = 0, NULL, 1 - event.3) AS km_rate,
    if(eligible = 0 OR isNaN(event.5), NULL, 1 - event.5) AS km_low,
    if(eligible = 0 OR isNaN(event.4), NULL, 1 - event.4) AS km_high,
    toBool(is_whole) AS is_mature
FROM by_age
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'How far each cohort has got by age since entry: the shape of activation and of time to first value, by segment'
