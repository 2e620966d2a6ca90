SELECT metric, waiting
FROM
(
    {{unions "waiting"}}
)
ORDER BY metric
{{limit}}
