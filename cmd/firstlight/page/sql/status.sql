SELECT metric, kind, value, low, high, n, as_of, previous_value, target_value, target_by, pace, owner,
    review_by, review_overdue, open_incidents
FROM {{view "metric_status"}}
{{limit}}
