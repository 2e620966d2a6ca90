CREATE OR REPLACE VIEW {{view}}
(
    time DateTime64(3, 'UTC') COMMENT 'When it happened or begins',
    until Nullable(DateTime64(3, 'UTC')) COMMENT 'When it ended or will end, exclusive; NULL for a moment (kind expected: for the rest of its local day)',
    kind LowCardinality(String) COMMENT 'deploy, campaign, incident, action, or expected: that mutes what it covers',
    source LowCardinality(String) COMMENT 'Who published it: the second token of the subject',
    title String COMMENT 'What happened, in a few words: a release, a campaign, an outage',
    url String COMMENT 'Where to read on; empty when there is nothing',
    metric LowCardinality(String) COMMENT 'The metric it concerns; empty for all',
    text String COMMENT 'More about it',
    author String COMMENT 'Who noted it; empty when not said',
    id String COMMENT 'With the source: what to publish again to replace it',
    expects Nullable(Float64) COMMENT 'Of an action: how much the share of users is expected to change; NULL when it does not say',
    incident String COMMENT 'Of an action: the incident it is about; empty when there is none'
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS
SELECT time, until, kind, source, title, url, metric, text, author, id, expects, incident
FROM
(
    SELECT *
    FROM {{db}}.annotation_log FINAL
    ORDER BY source, id, stream_created DESC, sequence DESC
    LIMIT 1 BY source, id
)
WHERE NOT deleted
{{template "settings"}}
COMMENT 'What happened beside the numbers, as published on annotations.<source>, to be drawn on charts'
