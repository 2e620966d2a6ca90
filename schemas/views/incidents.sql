CREATE OR REPLACE VIEW {{view}}
(
    {{template "incident_columns"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT {{template "incident_fields"}}
FROM {{db}}.incident_log FINAL
ORDER BY incident_id, seq DESC
LIMIT 1 BY incident_id
{{template "settings"}}
COMMENT 'Incidents, each as of its newest message'
