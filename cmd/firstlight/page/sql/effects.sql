SELECT source, id, title, at, expects, before_eligible, before_rate, after_eligible, after_rate, difference, difference_low, difference_high, explained_by, verdict, known_from
FROM {{view "action_effects"}}
WHERE metric = {{quote .Metric}}
{{limit}}
