SELECT metric, waiting
FROM
(
    SELECT metric, sum(entered - eligible) AS waiting
    FROM {{view "activation_by_cohort"}}
    GROUP BY metric
    UNION ALL
    SELECT metric, sum(entered - reached) AS waiting
    FROM {{view "ttfv_by_cohort"}}
    WHERE cohort_start > toDate(as_of) - 28
    GROUP BY metric
    UNION ALL
    SELECT metric, sum(entered - eligible) AS waiting
    FROM {{view "adoption_by_cohort"}}
    GROUP BY metric
)
ORDER BY metric
{{limit}}
