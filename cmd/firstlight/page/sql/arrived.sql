SELECT metric, kind, entered_at, steps_done, next_step, reached_at, seconds
FROM {{view "user_progress"}}
WHERE user_id = {{quote .User}}
ORDER BY metric
{{limit}}
