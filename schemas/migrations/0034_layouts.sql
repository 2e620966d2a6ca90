-- Which block of a user's facts is of what is the same for all users: facts name a layout, which stands here once. It is of no generation.

CREATE TABLE IF NOT EXISTS {{db}}.layouts
(
    layout UInt64 COMMENT 'The beginning of the hash of the text: facts name the layout by it',
    text String COMMENT 'The keys of blocks, in the order of their places: the worker''s own encoding'
)
ENGINE = ReplacingMergeTree
ORDER BY layout;
