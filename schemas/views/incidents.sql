CREATE OR REPLACE VIEW {{view}}
(
    {{template "incident_columns"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
{{template "from_incidents"}}
ORDER BY incident_id, seq DESC
LIMIT 1 BY incident_id
{{template "settings"}}
COMMENT 'Incidents, each as of its newest message'
