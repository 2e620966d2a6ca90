-- How far the stream was applied by its own clock, beside how far the partition's messages go: a start after a crash must not
-- forget what the other partitions' messages said of the time.

ALTER TABLE {{db}}.checkpoints ADD COLUMN IF NOT EXISTS stream_clock Int64 COMMENT 'Largest received time of all messages of the stream up to applied_seq, ms; 0 before the first';
