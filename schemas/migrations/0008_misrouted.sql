-- Events under a token that is not that of their user are counted: such a user is known in two partitions, and in each by a part.

ALTER TABLE {{db}}.checkpoints ADD COLUMN IF NOT EXISTS misrouted UInt64 COMMENT 'Events applied under a token that is not that of their user';
