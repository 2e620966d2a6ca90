CREATE OR REPLACE VIEW {{view}}
(
    {{template "incident_columns"}}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
{{template "from_incidents"}}
{{template "settings"}}
COMMENT 'Every message of every incident, as sent to on-call'
