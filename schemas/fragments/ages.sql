{{- /* The ages at which progress is shown. Each is the upper edge of an age bucket. */ -}}

{{define "listed_ages" -}}
    arrayConcat([60, 300, 900, 3600, 14400, 43200],
        arrayMap(days -> days * 86400, range(1, 29)), arrayMap(days -> days * 86400, range(35, 1827, 7))) AS listed,
    toInt64(assumeNotNull((SELECT min(age) FROM {{db}}.age_edges))) AS first_age,
    -- of each age bucket, the place in listed of the first age that holds it
    (
        SELECT groupArray(place)
        FROM
        (
            SELECT toUInt16(arrayCount(seconds -> seconds * 1000 < upper_ms, listed) + 1) AS place
            FROM {{db}}.age_edges FINAL
            ORDER BY age
        )
    ) AS listed_place
{{- end}}

{{define "places_passed"}}{{/* how many listed ages have passed since bucket_end */ -}}
    (as_of_s - toUnixTimestamp(bucket_end) AS followed_s,
        toUInt16(multiIf(
            followed_s < 43200, (followed_s >= 60) + (followed_s >= 300) + (followed_s >= 900) + (followed_s >= 3600) + (followed_s >= 14400),
            followed_s < 28 * 86400, 6 + intDiv(followed_s, 86400),
            least(length(listed), 34 + intDiv(followed_s - 28 * 86400, 7 * 86400))))).2
{{- end}}
