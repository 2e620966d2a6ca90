{{- /* Periods in which users may still reach the other metric have no difference in the view, nor here. */ -}}
SELECT split, period, n, k, value, low, high, other_n, other_k, other_value, other_low, other_high,
    if(judged, value - other_value, NULL) AS difference,
    difference - sqrt(pow(value - low, 2) + pow(other_high - other_value, 2)) AS difference_low,
    difference + sqrt(pow(high - value, 2) + pow(other_value - other_low, 2)) AS difference_high
FROM
(
    SELECT split, period, n, k, other_n, other_k, judged,
    {{wilson "k" "n"}},
    {{wilson "other_k" "other_n" "other_"}}
    FROM
    (
        SELECT any(split) AS split, period, sum(activated_eligible) AS n, sum(activated_returned) AS k,
            sum(other_eligible) AS other_n, sum(other_returned) AS other_k, max(isNotNull(difference)) AS judged
        FROM {{view "retention_by_split"}}
        {{template "cohorts" .}}
        GROUP BY period
    )
)
ORDER BY period
{{limit}}
