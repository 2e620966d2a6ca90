SELECT metric, cohort, owner, objective, indicator, direction, action, runbook, description, labels,
    target_value, target_by, review_by, formula, active_since, complete_from
FROM {{view "metric_catalog"}}
{{limit}}
