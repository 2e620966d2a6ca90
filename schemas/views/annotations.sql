CREATE OR REPLACE VIEW {{view}}
(
    at DateTime64(3, 'UTC') COMMENT 'When it happened',
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended; NULL for a moment',
    metric LowCardinality(String) COMMENT 'The metric it concerns; empty for all',
    title String COMMENT 'What happened, in a few words: a release, a campaign, an outage',
    text String COMMENT 'More about it',
    author String COMMENT 'Who noted it',
    link String COMMENT 'Where to read on; empty when there is nothing'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT at, until, metric, title, text, author, link
FROM {{db}}.notes FINAL
{{template "settings"}}
COMMENT 'What people noted beside the numbers, to be drawn on charts'
