CREATE OR REPLACE VIEW `firstlight`.`adoption_by_cohort_segments`
(
    metric LowCardinality(String) COMMENT 'Name of the metric in the catalog',
    cohort LowCardinality(String) COMMENT 'Name of the cohort the metric is computed for',
    segment LowCardinality(String) COMMENT 'Name of the segment; its values come from the entry event',
    segment_value String COMMENT 'Value of the segment; (none) without a value, (other) beyond those listed or the cap',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the users entered',
    entered UInt64 COMMENT 'Users who entered the cohort in the period',
    eligible UInt64 COMMENT 'Of those, users whose within had passed at as_of; all entered when the metric has no within',
    adopted UInt64 COMMENT 'Of the eligible, users who used the feature, within the time allowed if any',
    rate Nullable(Float64) COMMENT 'adopted / eligible; NULL when the denominator is 0',
    rate_low Nullable(Float64) COMMENT 'Lower limit of the 95 % Wilson interval of rate',
    rate_high Nullable(Float64) COMMENT 'Upper limit of the 95 % Wilson interval of rate',
    adopted_to_date UInt64 COMMENT 'Users of all entered who have used the feature so far, within the time allowed if any',
    p50_seconds Nullable(Float64) COMMENT 'Median seconds from entry to first use, of the users in adopted, within 1 %'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    assumeNotNull((SELECT min(as_of) FROM `firstlight`.progress FINAL WHERE generation = (SELECT max(generation) FROM `firstlight`.generations))) AS as_of_ms,
    intDiv(as_of_ms, 1000) AS as_of_s,
    fromUnixTimestamp64Milli(as_of_ms, 'UTC') AS as_of_time,
    assumeNotNull((SELECT (groupArray((cells, metric)), groupArray((cohort_cells, cohort)), max(within_seconds)) FROM `firstlight`.metrics FINAL WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('adoption'))) AS metrics_in_force,
    chosen AS
    (
        SELECT metric, cohort, kind, position, cohort_position, within_seconds, sequence, steps, counts_from
        FROM `firstlight`.metrics FINAL
        WHERE catalog_version = (SELECT max(catalog_version) FROM `firstlight`.catalogs WHERE generation = (SELECT max(generation) FROM `firstlight`.generations)) AND kind IN ('adoption')
    ),
    entry AS
    (
        SELECT metric, c.cohort AS cohort, segment, segment_value, cohort_start, toUInt64(sum(users)) AS entered,
            toUInt64(sumIf(users, (within_seconds = 0 OR ended + within_seconds <= as_of_s))) AS eligible
        FROM
        (
            SELECT name AS cohort, segment, segment_value, cohort_start, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users
            FROM `firstlight`.cells FINAL
    WHERE (generation, name) IN metrics_in_force.2 AND kind = 'entry' AND segment != ''
            GROUP BY cohort, segment, segment_value, cohort_start, ended
        ) AS e
        INNER JOIN chosen AS c ON c.cohort = e.cohort
        WHERE ended > counts_from
        GROUP BY metric, cohort, segment, segment_value, cohort_start
    ),
    adoption AS
    (
        SELECT metric, segment, segment_value, cohort_start, [toUInt64(sum(n))] AS to_date,
            sumMapIf(mapFromArrays(ages, counts), (within_seconds = 0 OR toUnixTimestamp(bucket_end) + within_seconds <= as_of_s)) AS users_by_age,
            sumMapIf(mapFromArrays(ages, sums), (within_seconds = 0 OR toUnixTimestamp(bucket_end) + within_seconds <= as_of_s)) AS ms_by_age
        FROM `firstlight`.cells AS r FINAL
        INNER JOIN chosen AS c ON c.metric = r.name
        WHERE (generation, name) IN metrics_in_force.1 AND r.kind = 'reach' AND stage = 0 AND segment != ''
        GROUP BY metric, segment, segment_value, cohort_start
    )
SELECT metric, cohort, segment, segment_value, cohort_start, entered, eligible, event_total AS adopted,
    adopted / nullIf(eligible, 0) AS rate,
    multiIf(eligible = 0, NULL, adopted <= 0, 0., (adopted + 1.920729410347062 - 1.959963984540054 * sqrt(adopted * (eligible - adopted) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_low,
    multiIf(eligible = 0, NULL, adopted >= eligible, 1., (adopted + 1.920729410347062 + 1.959963984540054 * sqrt(adopted * (eligible - adopted) / eligible + 0.960364705173531)) / (eligible + 3.841458820694124)) AS rate_high,
    adopted_to_date, p50_seconds
FROM
(
    SELECT *, arrayMap((ms, users) -> ms / users / 1000, mapValues(ms_by_age), mapValues(users_by_age)) AS event_age,
    mapValues(users_by_age) AS event_n,
    arrayCumSum(event_n) AS event_cum,
    arraySum(event_n) AS event_total,
        arrayMap(percent -> arrayMap(at -> multiIf(event_total = 0, NULL,
            event_cum[at] * 100 = event_total * percent, (event_age[at] + event_age[at + 1]) / 2,
            event_age[at]), [arrayFirstIndex(users -> users * 100 >= event_total * percent, event_cum)])[1], [50])[1] AS p50_seconds
    FROM
    (
        SELECT e.metric AS metric, e.cohort AS cohort, e.segment AS segment, e.segment_value AS segment_value, e.cohort_start AS cohort_start,
            e.entered AS entered, e.eligible AS eligible, a.to_date[1] AS adopted_to_date,
            a.users_by_age AS users_by_age, a.ms_by_age AS ms_by_age
        FROM entry AS e
        LEFT JOIN adoption AS a ON a.metric = e.metric AND a.cohort_start = e.cohort_start AND a.segment = e.segment AND a.segment_value = e.segment_value
    )
)
WHERE entered > 0
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'Adoption of each cohort: the share of users who have used the feature since they entered, by segment'
