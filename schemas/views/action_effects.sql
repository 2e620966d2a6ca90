CREATE OR REPLACE VIEW {{view}}
(
    {{template "keys"}}
    source LowCardinality(String) COMMENT 'Who published the action',
    id String COMMENT 'With the source: which annotation it is',
    at DateTime64(3, 'UTC') COMMENT 'When it was done',
    title String COMMENT 'What was done',
    incident String COMMENT 'The incident it is about; empty when there is none',
    expects Nullable(Float64) COMMENT 'How much the share of users was expected to change; NULL when it does not say',
    age_seconds UInt64 COMMENT 'Age since entry at which users are compared: within, else the largest age that all have reached, at most 28 days; 0 of retention, or where nobody is old enough yet',
    period UInt16 COMMENT 'Of retention, the period that is compared: that of its target, 1 without one; else 0',
    before_eligible UInt64 COMMENT 'Users who entered in the four weeks before the action and are old enough; those of the hour in which it was done are left out',
    before_reached UInt64 COMMENT 'Of those, users who got there by that age, or came back in that period',
    before_rate Nullable(Float64) COMMENT 'before_reached / before_eligible',
    after_entered UInt64 COMMENT 'Users who entered in the four weeks after it, or who started',
    after_eligible UInt64 COMMENT 'Of those, users who are old enough',
    after_reached UInt64 COMMENT 'Of the eligible, users who got there by that age, or came back in that period',
    after_rate Nullable(Float64) COMMENT 'after_reached / after_eligible',
    difference Nullable(Float64) COMMENT 'after_rate - before_rate',
    difference_low Nullable(Float64) COMMENT 'Lower limit of the 95 % interval of difference (Newcombe)',
    difference_high Nullable(Float64) COMMENT 'Upper limit of the 95 % interval of difference',
    mix_effect Nullable(Float64) COMMENT 'The part of difference that comes from other people having entered: of the segment of which it is largest (Kitagawa 1955); NULL without segments',
    mix_segment LowCardinality(String) COMMENT 'That segment; empty without segments',
    season_effect Nullable(Float64) COMMENT 'The difference of the same weeks a year (364 days) before; NULL where there was nobody',
    usual_change Nullable(Float64) COMMENT 'How much the rate changes from four weeks to the next without the action, beyond chance: root of the mean square over the year before it; NULL with less than twelve weeks of history',
    others Array(String) COMMENT 'What else is noted in these eight weeks, of the metric or of all, in order of time',
    incidents Array(String) COMMENT 'Other incidents in these eight weeks, of the metric, of who enters, or of events',
    explained_by Array(String) COMMENT 'What else explains a difference beyond chance: the mix of a segment, the season, the usual change, another annotation, or an incident; empty where nothing does',
    verdict LowCardinality(String) COMMENT 'not known yet (users of the four weeks after it are not old enough); nobody to compare; no effect seen; worse; something else explains it; as expected, more than expected or less than expected; better (it does not say what was expected)',
    known_from DateTime('UTC') COMMENT 'About when all who entered in the four weeks after it are old enough',
    {{template "as_of_column"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
WITH RECURSIVE
    {{template "clock"}},
    {{template "catalog"}},
    {{template "today"}},
    {{template "metrics_in_force"}},
    {{template "listed_ages"}},
    2419200 AS four_weeks,
    -- Read once: a named query would run wherever it is named.
    (
        SELECT CAST(groupArray((source, id, at, title, incident, expects, metric, cohort, at_ms, within_seconds, unit, target_period, good, age_s, counts_from)),
            'Array(Tuple(String, String, DateTime64(3, \'UTC\'), String, String, Nullable(Float64), String, String, Int64, UInt64, String, UInt16, Int8, UInt64, UInt32))')
        FROM
        (
            SELECT a.source AS source, a.id AS id, a.time AS at, a.title AS title, a.incident AS incident, a.expects AS expects, a.metric AS metric, m.cohort AS cohort,
                toUnixTimestamp64Milli(a.time) AS at_ms, m.within_seconds AS within_seconds, m.period AS unit, m.target_period AS target_period, m.counts_from AS counts_from,
                if(m.kind IN ({{kinds "time"}}) = (m.direction = 'down'), 1, -1) AS good, -- more who get there: of a time that is to fall, too
                multiIf(unit != '', 0, within_seconds > 0, within_seconds,
                    arrayMax(arrayMap(age -> if(age <= least(four_weeks, as_of_s - intDiv(at_ms, 1000) - four_weeks - 3600), age, 0), listed))) AS age_s
            FROM {{db}}.annotations AS a
            INNER JOIN (SELECT * FROM {{db}}.metrics FINAL WHERE catalog_version = {{template "catalog_version"}}) AS m ON m.metric = a.metric
            WHERE a.kind = 'action'
        )
    ) AS noted_acts,
    acts AS
    (
        SELECT (one.1, one.2) AS act, one.1 AS source, one.2 AS id, one.3 AS at, one.4 AS title, one.5 AS incident, one.6 AS expects, one.7 AS metric, one.8 AS cohort,
            one.9 AS at_ms, one.10 AS within_seconds, one.11 AS unit, one.12 AS target_period, one.13 AS good, one.14 AS age_s, one.15 AS counts_from
        FROM (SELECT arrayJoin(noted_acts) AS one)
    ),
    -- Users by the hour in which they entered or started, of segments by the day; and who of them got there.
    buckets AS
    (
        SELECT metric, segment, segment_value, day, started, ended, sum(entered_n) AS entered, sum(reached_n) AS reached, sumMap(by_age) AS reached_by_age
        FROM
        (
            SELECT m.metric AS metric, e.segment AS segment, e.segment_value AS segment_value, e.day AS day, e.started AS started, e.ended AS ended,
                e.users AS entered_n, toInt64(0) AS reached_n, CAST(map(), 'Map(UInt16, UInt64)') AS by_age
            FROM
            (
                SELECT name, segment, segment_value, day, toUnixTimestamp(bucket) AS started, toUnixTimestamp(bucket_end) AS ended, sum(n) AS users
                FROM {{db}}.cells FINAL
                WHERE {{template "cohort_cells"}} AND kind = 'entry' AND name IN (SELECT cohort FROM acts)
                GROUP BY name, segment, segment_value, day, started, ended
            ) AS e
            INNER JOIN (SELECT DISTINCT metric, cohort, counts_from FROM acts WHERE unit = '') AS m ON m.cohort = e.name
            WHERE e.ended > m.counts_from
            UNION ALL
            SELECT name, segment, segment_value, day, toUnixTimestamp(bucket), toUnixTimestamp(bucket_end),
                if(kind = 'period', n, 0), if(kind = 'reach', n, 0), mapFromArrays(ages, counts)
            FROM {{db}}.cells FINAL
            WHERE {{template "metric_cells"}} AND kind IN ('reach', 'period') AND stage = 0 AND name IN (SELECT metric FROM acts)
        )
        GROUP BY metric, segment, segment_value, day, started, ended
    ),
    -- The week is counted from the action on: -1 is the one before it. The bucket in which it was done is in none.
    placed AS
    (
        SELECT act, segment, segment_value, day, started, ended, entered,
            if(started * 1000 >= at_ms, toInt64(intDiv(started * 1000 - at_ms, 604800000)), -1 - toInt64(intDiv(at_ms - ended * 1000, 604800000))) AS week,
            multiIf(unit != '', {{template "periods_over" "unit"}} > target_period, age_s > 0 AND ended + age_s <= as_of_s) AS is_eligible,
            if(is_eligible, entered, 0) AS n,
            multiIf(NOT is_eligible, 0, unit != '', toInt64(reached_by_age[target_period]), within_seconds > 0, reached,
                toInt64(arraySum((age, users) -> if(age <= age_bucket, users, 0), mapKeys(reached_by_age), mapValues(reached_by_age)))) AS k
        FROM buckets AS b
        INNER JOIN
        (
            SELECT c.act AS act, c.metric AS metric, c.at_ms AS at_ms, c.unit AS unit, c.target_period AS target_period,
                c.within_seconds AS within_seconds, c.age_s AS age_s, e.age AS age_bucket
            FROM acts AS c
            LEFT JOIN (SELECT age, toUInt64(intDiv(upper_ms, 1000)) AS upper_s FROM {{db}}.age_edges FINAL) AS e ON e.upper_s = c.age_s
        ) AS a ON a.metric = b.metric
        WHERE (started * 1000 >= at_ms OR ended * 1000 <= at_ms) AND week BETWEEN -56 AND 3 AND (segment = '' OR week >= -4)
    ),
    by_value AS
    (
        SELECT act, segment, segment_value, sum(if(week >= 0, entered, 0)) AS after_entered, sum(if(week BETWEEN -4 AND -1, entered, 0)) AS before_entered,
            sumIf(n, week BETWEEN -4 AND -1) AS before_n, sumIf(k, week BETWEEN -4 AND -1) AS before_k, sumIf(n, week >= 0) AS after_n, sumIf(k, week >= 0) AS after_k,
            sumMap(map(week, n)) AS n_by_week, sumMap(map(week, k)) AS k_by_week,
            groupArrayIf((started * 1000, ended * 1000, n, k), segment = '' AND week >= -4) AS hours
        FROM placed
        GROUP BY act, segment, segment_value
    ),
    -- The whole, and by how much the mix of each segment's values would have moved it.
    by_segment AS
    (
        SELECT act, segment, any((after_entered, before_entered, before_n, before_k, after_n, after_k, hours, n_by_week, k_by_week)) AS all_users,
            segment != '' AND max(counts) AS is_mix,
            sumIf((after_n / after_all - before_n / before_all) * (if(after_n = 0, before_k / before_n, after_k / after_n) + if(before_n = 0, after_k / after_n, before_k / before_n)) / 2, counts) AS effect
        FROM
        (
            SELECT *, sum(before_n) OVER (PARTITION BY act, segment) AS before_all, sum(after_n) OVER (PARTITION BY act, segment) AS after_all,
                before_all > 0 AND after_all > 0 AND before_n + after_n > 0 AS counts
            FROM by_value
        )
        GROUP BY act, segment
    ),
    by_act AS
    (
        SELECT act, anyIf(all_users, segment = '') AS whole, argMaxIf(segment, abs(effect), is_mix) AS mix_segment, argMaxIf(effect, abs(effect), is_mix) AS mix_effect
        FROM by_segment
        GROUP BY act
    ),
    -- Of four weeks that begin with week i - 57: users, and who got there.
    spans AS
    (
        SELECT act, mix_segment, mix_effect, whole.1 AS after_entered, whole.2 AS before_entered, whole.3 AS before_n, whole.4 AS before_k, whole.5 AS after_n, whole.6 AS after_k,
            whole.7 AS hours, whole.8 AS n_by_week, whole.9 AS k_by_week,
            arrayMap(i -> arraySum(arrayMap(w -> n_by_week[toInt64(w)], range(i - 57, i - 53))), range(1, 58)) AS span_n,
            arrayMap(i -> arraySum(arrayMap(w -> k_by_week[toInt64(w)], range(i - 57, i - 53))), range(1, 58)) AS span_k,
            arrayFilter(i -> span_n[i] > 0 AND span_n[i + 4] > 0, range(1, 50)) AS neighbours,
            arrayMap(i -> pow(span_k[i + 4] / span_n[i + 4] - span_k[i] / span_n[i], 2), neighbours) AS changes,
            arrayMap(i -> ((span_k[i] + span_k[i + 4]) / (span_n[i] + span_n[i + 4]) AS p) * (1 - p) * (1 / span_n[i] + 1 / span_n[i + 4]), neighbours) AS chances,
            if(length(neighbours) < 5, NULL, sqrt(greatest(0, arrayAvg(changes) - arrayAvg(chances)))) AS usual_change,
            span_n[1] AS early_n, span_k[1] AS early_k, span_n[5] AS late_n, span_k[5] AS late_k
        FROM by_act
    ),
    -- What else was noted, and happened: (in words, from, until), ms; until is 0 of a moment.
    noted AS
    (
        SELECT a.act AS act, arraySort(x -> (x.2, x.1), groupArray((concat(o.kind, ': ', o.title), o.from_ms, o.until_ms, true))) AS notes
        FROM acts AS a
        CROSS JOIN
        (
            SELECT (source, id) AS act, kind, title, metric, toUnixTimestamp64Milli(time) AS from_ms, ifNull(toUnixTimestamp64Milli(until), 0) AS until_ms
            FROM {{db}}.annotations
        ) AS o
        WHERE o.metric IN ('', a.metric) AND o.act != a.act AND o.from_ms < a.at_ms + four_weeks * 1000
            AND greatest(o.from_ms, o.until_ms) >= a.at_ms - four_weeks * 1000
        GROUP BY a.act
    ),
    happened AS
    (
        SELECT a.act AS act, arraySort(x -> (x.2, x.1), groupArray((concat('incident ', i.incident_id), i.from_ms, i.until_ms, false))) AS troubles
        FROM acts AS a
        CROSS JOIN
        (
            SELECT incident_id, any(metric) AS of_metric, any(cohort) AS of_cohort, 1000 * toInt64(toUnixTimestamp(min(window_start))) AS from_ms,
                1000 * toInt64(toUnixTimestamp(max(window_end))) AS until_ms
            FROM {{db}}.incident_log FINAL
            GROUP BY incident_id
        ) AS i
        WHERE (i.of_metric IN (a.metric, 'event_volume') OR i.of_metric = 'cohort_entries' AND i.of_cohort = a.cohort) AND i.incident_id != a.incident
            AND i.from_ms < a.at_ms + four_weeks * 1000 AND i.until_ms > a.at_ms - four_weeks * 1000
        GROUP BY act
    ),
    joined AS
    (
        SELECT a.metric AS metric, a.cohort AS cohort, a.source AS source, a.id AS id, a.at AS at, a.title AS title, a.incident AS incident, a.expects AS expects,
            a.at_ms AS at_ms, a.within_seconds AS within_seconds, a.unit AS unit, a.target_period AS target_period, a.good AS good, a.age_s AS age_s,
            s.after_entered AS after_entered, s.before_entered AS before_entered, s.before_n AS before_n, s.before_k AS before_k,
            s.after_n AS after_n, s.after_k AS after_k, s.usual_change AS usual, s.early_n AS early_n, s.early_k AS early_k, s.late_n AS late_n, s.late_k AS late_k,
            s.hours AS hours, s.mix_segment AS mix_segment, s.mix_effect AS mix, n.notes AS notes, h.troubles AS troubles
        FROM acts AS a
        LEFT JOIN spans AS s ON s.act = a.act
        LEFT JOIN noted AS n ON n.act = a.act
        LEFT JOIN happened AS h ON h.act = a.act
    ),
    compared AS
    (
        SELECT *, after_k / nullIf(after_n, 0) AS p, before_k / nullIf(before_n, 0) AS q, p - q AS difference,
            {{template "wilson_low" args "k" "after_k" "n" "after_n"}} AS p_low, {{template "wilson_high" args "k" "after_k" "n" "after_n"}} AS p_high,
            {{template "wilson_low" args "k" "before_k" "n" "before_n"}} AS q_low, {{template "wilson_high" args "k" "before_k" "n" "before_n"}} AS q_high,
            {{template "newcombe_low"}} AS low, {{template "newcombe_high"}} AS high,
            if(early_n > 0 AND late_n > 0, late_k / late_n - early_k / early_n, NULL) AS season,
            pow(1.959963984540054, 2) * (late_k / late_n * (1 - late_k / late_n) / late_n + early_k / early_n * (1 - early_k / early_n) / early_n) AS season_spread,
            -- How well a break fits at the action, and at each other moment: log-likelihoods of two rates. One that fits a twentieth as well explains it.
            arrayConcat([at_ms], arrayMap(x -> x.2, notes)) AS breaks,
            arrayMap(t -> arraySum(x -> if(x.1 < t, x.3, 0), hours), breaks) AS left_n,
            arrayMap(t -> arraySum(x -> if(x.1 < t, x.4, 0), hours), breaks) AS left_k,
            arrayMap((n, k) -> {{template "x_log_x" "k"}} + {{template "x_log_x" "(n - k)"}} - {{template "x_log_x" "n"}}
                + {{template "x_log_x" "(after_k + before_k - k)"}} + {{template "x_log_x" "(after_n + before_n - n - after_k - before_k + k)"}}
                - {{template "x_log_x" "(after_n + before_n - n)"}}, left_n, left_k) AS fits,
            -- Users before and after, without those who entered while something lasted.
            arrayFilter(x -> x.3 > x.2, arrayConcat(notes, troubles)) AS lasting,
            arrayMap(x -> arrayFilter(h -> h.2 <= x.2 OR h.1 >= x.3, hours), lasting) AS without,
            arrayMap(w -> (arraySum(h -> if(h.1 < at_ms, h.3, 0), w), arraySum(h -> if(h.1 < at_ms, h.4, 0), w),
                arraySum(h -> if(h.1 < at_ms, 0, h.3), w), arraySum(h -> if(h.1 < at_ms, 0, h.4), w)), without) AS counts_left
        FROM joined
    ),
    judged AS
    (
        SELECT *, ifNull(low > 0 OR high < 0, false) AS is_beyond,
            pow(if(difference > 0, difference - low, high - difference), 2) AS spread,
            arrayMap(c -> c.4 / c.3 - c.2 / c.1, counts_left) AS differences_left,
            -- Agresti and Caffo 2000
            arrayMap(c -> 1.959963984540054 * sqrt({{template "variance" args "k" "c.2" "n" "c.1"}} + {{template "variance" args "k" "c.4" "n" "c.3"}}), counts_left) AS limits_left,
            arrayMap((c, d, limit, x) -> if(c.1 = 0 OR c.3 = 0, x.4, ifNull(abs(d) < abs(difference) / 2, false) AND abs(d) <= limit), counts_left, differences_left, limits_left, lasting) AS lasting_explains,
            arrayConcat(
                if(ifNull(mix_segment != '' AND low - mix <= 0 AND high - mix >= 0, false), [concat('mix of ', mix_segment)], []),
                if(ifNull(season * difference > 0 AND abs(season) >= abs(difference) / 2 AND abs(difference - season) <= sqrt(spread + season_spread), false), ['season'], []),
                if(ifNull(abs(difference) <= sqrt(spread + pow(1.959963984540054 * usual, 2)), false), ['usual change'], []),
                arrayMap(x -> x.1, arrayFilter((x, fit) -> fit >= fits[1] - 3, notes, arrayPopFront(fits))),
                arrayMap(x -> x.1, arrayFilter((x, explains) -> explains, lasting, lasting_explains))) AS all_explanations,
            if(is_beyond, arrayDistinct(all_explanations), []) AS explained,
            as_of_s >= intDiv(at_ms, 1000) + four_weeks + settle_s AND after_entered = after_n AND before_entered = before_n
                AND (unit != '' OR within_seconds > 0 OR age_s = four_weeks) AS is_known,
            good * if(good > 0, low, high) AS good_low, good * if(good > 0, high, low) AS good_high, good * expects AS good_expects
        FROM compared
    )
SELECT metric, cohort, source, id, at, title, incident, expects, age_s AS age_seconds, if(unit = '', 0, target_period) AS period,
    toUInt64(before_n) AS before_eligible, toUInt64(before_k) AS before_reached, q AS before_rate,
    after_entered, toUInt64(after_n) AS after_eligible, toUInt64(after_k) AS after_reached, p AS after_rate,
    difference, low AS difference_low, high AS difference_high, if(mix_segment = '', NULL, mix) AS mix_effect, mix_segment,
    season AS season_effect, usual AS usual_change, arrayMap(x -> x.1, notes) AS others, arrayMap(x -> substring(x.1, 10), troubles) AS incidents,
    explained AS explained_by,
    multiIf(NOT is_known, 'not known yet', before_n = 0 OR after_n = 0, 'nobody to compare', NOT is_beyond, 'no effect seen',
        notEmpty(explained), 'something else explains it', good_high < 0, 'worse', ifNull(good_expects, 0) <= 0, 'better',
        good_high < good_expects, 'less than expected', good_low > good_expects, 'more than expected', 'as expected') AS verdict,
    toDateTime(intDiv(at_ms, 1000) + four_weeks + multiIf(unit IN ('day', 'calendar_day'), 86400 * (target_period + 1), unit IN ('week', 'calendar_week'), 604800 * (target_period + 1),
        unit != '', 2678400 * (target_period + 1), within_seconds > 0, within_seconds, four_weeks) + settle_s, 'UTC') AS known_from,
    as_of_time AS as_of
FROM judged
ORDER BY at_ms, source, id
{{template "settings"}}
COMMENT 'Did what we did work? Of each action that names a metric: users of the four weeks before it and of the four weeks after it at equal age, and what else explains a difference'

{{- define "x_log_x" -}}
    {{.}} * log(greatest({{.}}, 1))
{{- end}}

{{- define "variance" -}}
    ({{.k}} + 1) * ({{.n}} - {{.k}} + 1) / pow({{.n}} + 2, 3)
{{- end}}
