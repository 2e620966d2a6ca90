SELECT metric, kind, value, low, high, n, as_of, previous_value, change, change_low, change_high,
    -- The users behind the value before: its Wilson limits, which the change holds, tell them.
    if(kind IN ({{times}}), NULL, round(3.841458820694124 * if(previous_value < 0.5,
        (previous_value + sqrt(pow(change - change_low, 2) - pow(value - low, 2) AS above) AS upper) * (1 - upper) / above,
        (previous_value - sqrt(pow(change_high - change, 2) - pow(high - value, 2) AS below) AS lower) * (1 - lower) / below))) AS previous_n,
    target_value, target_by, pace, owner, review_by, review_overdue, open_incidents
FROM {{view "metric_status"}}
{{limit}}
