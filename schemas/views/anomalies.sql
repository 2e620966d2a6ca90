CREATE OR REPLACE VIEW {{view}}
(
    {{template "incident_columns"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT {{template "incident_fields"}}
FROM {{db}}.incident_log FINAL
{{template "settings"}}
COMMENT 'Every message of every incident, as sent to on-call'
