-- A year of a mid-sized product: 1 million users in 52 weekly cohorts, 10 metrics, 5 segments, 4 partitions.
-- As of 2025-01-01 00:00. Users are made from hashes of their number, so every run has the same. Age buckets are nearly
-- those of the pipeline.

INSERT INTO {{db}}.catalogs (catalog_version, timezone, week_start, lateness_seconds, settle_seconds, windows, cohorts)
VALUES (1, 'UTC', 'monday', 86400, 600, ['1h', '1d', '1w', '7d/1d'], ['signup']);

INSERT INTO {{db}}.metrics (catalog_version, position, metric, kind, cohort, cohort_position, grain, within_seconds, steps, segments, direction)
SELECT 1, number, concat('m', toString(number)),
    multiIf(number <= 4, 'activation', number <= 7, 'ttfv', 'adoption'), 'signup', 1, 'week',
    multiIf(number <= 4, 7 * 86400, number = 5, 30 * 86400, number = 8, 28 * 86400, 0),
    if(number <= 4, ['one', 'two', 'three'], ['it']), ['s1', 's2', 's3', 's4', 's5'], 'up'
FROM numbers(1, 10);

INSERT INTO {{db}}.progress (partition, as_of, updated_at) SELECT number, toUnixTimestamp('2025-01-01 00:00:00', 'UTC') * 1000, now64(3) FROM numbers(4);

INSERT INTO {{db}}.calendar (day, start) SELECT toDate('2023-09-01') + number, toDateTime(toDate('2023-09-01') + number, 'UTC') FROM numbers(700);

CREATE TABLE {{db}}.people ENGINE = MergeTree ORDER BY id AS
SELECT number AS id, toUInt16(number % 4) AS partition,
    toInt64(toUnixTimestamp('2024-01-01 00:00:00', 'UTC')) * 1000 + cityHash64(number, 'entry') % (364 * 86400000) AS entered,
    toStartOfHour(fromUnixTimestamp64Milli(entered, 'UTC')) AS hour, toDate(hour) AS day, toMonday(day) AS cohort_start,
    [concat('v', toString(cityHash64(number, 1) % 3)), concat('v', toString(cityHash64(number, 2) % 5)), concat('v', toString(cityHash64(number, 3) % 10)),
        concat('v', toString(cityHash64(number, 4) % 10)), concat('v', toString(cityHash64(number, 5) % 20))] AS segment_values
FROM numbers(1000000);

-- Who reached what when: log-logistic ages, of which those within the horizon and before as_of count.
CREATE TABLE {{db}}.reached ENGINE = MergeTree ORDER BY (metric, stage, id) AS
WITH
    (cityHash64(id, metric, stage) % 1000000 + 1) / 1000002 AS u,
    toInt64(7200000 * metric * (stage + 1) * pow(u / (1 - u), 1.2)) AS ms
SELECT id, metric, stage, partition, hour, day, cohort_start, segment_values, ms AS age_ms, entered + ms AS at,
    toUInt16(if(ms <= 100000, intDiv(greatest(ms, 1) - 1, 1000), 100 + floor(log(ms / 100000) / log(1.01)))) AS age
FROM {{db}}.people
ARRAY JOIN arrayFlatten(arrayMap(m -> arrayMap(s -> (toUInt8(m), toUInt8(s)), range(if(m <= 4, 4, 1))), range(1, 11))) AS stage_of
ARRAY JOIN [stage_of.1] AS metric, [stage_of.2] AS stage
WHERE cityHash64(id, metric, 'reached') % 100 < 40 + metric * 4
    AND at < toInt64(toUnixTimestamp('2025-01-01 00:00:00', 'UTC')) * 1000
    AND (metric NOT IN (1, 2, 3, 4, 5, 8) OR ms <= multiIf(metric <= 4, 7, metric = 5, 30, 28) * 86400000);

INSERT INTO {{db}}.cells (kind, name, cohort_start, bucket, partition, bucket_end, day, n, version)
SELECT 'entry', 'signup', cohort_start, hour, partition, hour + 3600, day, count(), 1
FROM {{db}}.people GROUP BY cohort_start, hour, partition, day;

INSERT INTO {{db}}.cells (kind, name, segment, segment_value, cohort_start, bucket, partition, bucket_end, day, n, version)
SELECT 'entry', 'signup', concat('s', toString(i)), v, cohort_start, day, partition, day + 1, day, count(), 1
FROM {{db}}.people ARRAY JOIN segment_values AS v, arrayEnumerate(segment_values) AS i
GROUP BY i, v, cohort_start, partition, day;

-- Completions, whole and by segment, into the buckets of their entry and of the time itself.
INSERT INTO {{db}}.cells (kind, name, stage, cohort_start, bucket, partition, bucket_end, day, n, ages, counts, sums, version)
SELECT 'reach', concat('m', toString(metric)), stage, cohort_start, hour, partition, hour + 3600, day, users, 
    arraySort(arrayDistinct(a)) AS ages, arrayMap(x -> countEqual(a, x), ages), arrayMap(x -> arraySum((y, ms) -> if(y = x, ms, 0), a, m), ages), 1
FROM
(
    SELECT metric, stage, cohort_start, hour, partition, day, count() AS users, groupArray(age) AS a, groupArray(toUInt64(age_ms)) AS m
    FROM {{db}}.reached GROUP BY metric, stage, cohort_start, hour, partition, day
);

INSERT INTO {{db}}.cells (kind, name, segment, segment_value, stage, cohort_start, bucket, partition, bucket_end, day, n, ages, counts, sums, version)
SELECT 'reach', concat('m', toString(metric)), concat('s', toString(i)), v, stage, cohort_start, day, partition, day + 1, day, users, 
    arraySort(arrayDistinct(a)) AS ages, arrayMap(x -> countEqual(a, x), ages), arrayMap(x -> arraySum((y, ms) -> if(y = x, ms, 0), a, m), ages), 1
FROM
(
    SELECT metric, i, v, stage, cohort_start, partition, day, count() AS users, groupArray(age) AS a, groupArray(toUInt64(age_ms)) AS m
    FROM {{db}}.reached ARRAY JOIN segment_values AS v, arrayEnumerate(segment_values) AS i
    GROUP BY metric, i, v, stage, cohort_start, partition, day
);

INSERT INTO {{db}}.cells (kind, name, cohort_start, bucket, partition, bucket_end, day, n, ages, counts, sums, version)
SELECT 'done', concat('m', toString(metric)), cohort_start, at_hour, partition, at_hour + 3600, toDate(at_hour), users, 
    arraySort(arrayDistinct(a)) AS ages, arrayMap(x -> countEqual(a, x), ages), arrayMap(x -> arraySum((y, ms) -> if(y = x, ms, 0), a, m), ages), 1
FROM
(
    SELECT metric, cohort_start, toStartOfHour(fromUnixTimestamp64Milli(at, 'UTC')) AS at_hour, partition, count() AS users,
        groupArray(age) AS a, groupArray(toUInt64(age_ms)) AS m
    FROM {{db}}.reached WHERE stage = 0 AND metric <= 7 GROUP BY metric, cohort_start, at_hour, partition
);

INSERT INTO {{db}}.cells (kind, name, segment, segment_value, cohort_start, bucket, partition, bucket_end, day, n, ages, counts, sums, version)
SELECT 'done', concat('m', toString(metric)), concat('s', toString(i)), v, cohort_start, at_day, partition, at_day + 1, at_day, users, 
    arraySort(arrayDistinct(a)) AS ages, arrayMap(x -> countEqual(a, x), ages), arrayMap(x -> arraySum((y, ms) -> if(y = x, ms, 0), a, m), ages), 1
FROM
(
    SELECT metric, i, v, cohort_start, toDate(fromUnixTimestamp64Milli(at, 'UTC')) AS at_day, partition, count() AS users,
        groupArray(age) AS a, groupArray(toUInt64(age_ms)) AS m
    FROM {{db}}.reached ARRAY JOIN segment_values AS v, arrayEnumerate(segment_values) AS i
    WHERE stage = 0 AND metric <= 7 GROUP BY metric, i, v, cohort_start, at_day, partition
);

-- Adoption: every cohort has active users in every window since it began, fewer as it ages.
INSERT INTO {{db}}.cells (kind, name, segment, segment_value, cohort_start, `window`, bucket, partition, bucket_end, day, n, active, adopters, new_adopters, version)
SELECT 'window', concat('m', toString(metric)), if(i = 0, '', concat('s', toString(i))), if(i = 0, '', concat('v', toString(v))), cohort_start,
    w.1, start, partition, start + w.2, toDate(start), active, active, intDiv(active, 2), intDiv(active, 50), 1
FROM
(
    SELECT metric, i, v, toDate('2024-01-01') + 7 * c AS cohort_start, w, partition,
        arrayJoin(arrayMap(k -> toDateTime(cohort_start, 'UTC') + k * w.2, range(toUInt32(intDiv(toUnixTimestamp('2025-01-01 00:00:00', 'UTC') - toUnixTimestamp(toDateTime(cohort_start, 'UTC')), w.2))))) AS start,
        toInt64(1 + w.3 / (if(i = 0, 1, 10)) / (1 + dateDiff('day', cohort_start, toDate(start)) / 7)) AS active
    FROM (SELECT arrayJoin(range(8, 11)) AS metric, arrayJoin(range(6)) AS i, arrayJoin(range(if(i = 0, 1, 10))) AS v, arrayJoin(range(52)) AS c, arrayJoin(range(4)) AS partition)
    ARRAY JOIN [('1h', 3600, 20), ('1d', 86400, 200), ('1w', 604800, 500)] AS w
    WHERE i = 0 OR w.1 != '1h'
);

INSERT INTO {{db}}.cells (kind, name, segment, segment_value, cohort_start, `window`, bucket, partition, bucket_end, day, active, adopters, version)
SELECT 'trailing', concat('m', toString(metric)), if(i = 0, '', concat('s', toString(i))), if(i = 0, '', concat('v', toString(v))), cohort_start,
    '7d/1d', day, partition, day + 1, day, if(day < toDate('2025-01-01') - 7, 10, -10), if(day < toDate('2025-01-01') - 7, 5, -5), 1
FROM
(
    SELECT metric, i, v, toDate('2024-01-01') + 7 * c AS cohort_start, partition,
        arrayJoin(arrayMap(k -> cohort_start + k, range(366 - 7 * c))) AS day
    FROM (SELECT arrayJoin(range(8, 11)) AS metric, arrayJoin(range(6)) AS i, arrayJoin(range(if(i = 0, 1, 10))) AS v, arrayJoin(range(52)) AS c, arrayJoin(range(4)) AS partition)
);

INSERT INTO {{db}}.cells (kind, name, segment_value, bucket, partition, bucket_end, day, n, version)
SELECT 'volume', 'web', concat('event ', toString(e)), toDateTime('2024-01-01 00:00:00', 'UTC') + h * 3600 AS start, p, start + 3600, toDate(start), 10, 1
FROM (SELECT arrayJoin(range(60)) AS e, arrayJoin(range(8760)) AS h, arrayJoin(range(4)) AS p);

INSERT INTO {{db}}.users (partition, user_id, facts, last_seen, entered_at, cohort_start, segments, reached_at, steps, version)
SELECT p.partition, concat('user-', toString(p.id)), repeat('x', 100), p.entered, [p.entered], [p.cohort_start],
    [mapFromArrays(['s1', 's2', 's3', 's4', 's5'], p.segment_values)],
    arrayMap(m -> if(has(r.metrics, m), p.entered + 1000, 0), range(1, 11)), arrayMap(m -> if(has(r.metrics, m), 7, 1), range(1, 11)), 1
FROM {{db}}.people AS p
LEFT JOIN (SELECT id, groupArray(metric) AS metrics FROM {{db}}.reached WHERE stage = 0 GROUP BY id) AS r ON r.id = p.id;

DROP TABLE {{db}}.people;

DROP TABLE {{db}}.reached;
