SELECT user_id, voice, at, text
FROM {{view "voices"}}
WHERE metric = {{quote .Metric}} AND user_id IN (SELECT user_id FROM {{view "stalled_users"}} WHERE metric = {{quote .Metric}})
ORDER BY at DESC, voice, text
LIMIT 1 BY user_id
{{limit}}
