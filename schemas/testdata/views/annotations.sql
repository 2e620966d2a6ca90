CREATE OR REPLACE VIEW `firstlight`.`annotations`
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
    FROM `firstlight`.annotation_log FINAL
    ORDER BY source, id, stream_created DESC, sequence DESC
    LIMIT 1 BY source, id
)
WHERE NOT deleted
SETTINGS join_use_nulls = 0, join_default_strictness = 'ALL', join_algorithm = 'direct,parallel_hash,hash',
    any_join_distinct_right_table_keys = 0, join_any_take_last_row = 0, group_by_use_nulls = 0, transform_null_in = 0,
    aggregate_functions_null_for_empty = 0, empty_result_for_aggregation_by_empty_set = 0, prefer_column_name_to_alias = 0,
    union_default_mode = '', cast_keep_nullable = 0, final = 0, additional_table_filters = {},
    read_overflow_mode = 'throw', read_overflow_mode_leaf = 'throw', group_by_overflow_mode = 'throw', sort_overflow_mode = 'throw',
    set_overflow_mode = 'throw', join_overflow_mode = 'throw', distinct_overflow_mode = 'throw', transfer_overflow_mode = 'throw'
COMMENT 'What happened beside the numbers, as published on annotations.<source>, to be drawn on charts'
