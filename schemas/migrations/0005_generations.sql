-- A rebuild begins a generation: one row, after which everything of earlier generations counts nowhere, whoever still writes
-- it. So a rebuild takes effect at once or not at all, and the next start goes on with one that was interrupted.

CREATE TABLE IF NOT EXISTS {{db}}.generations
(
    generation UInt32 COMMENT 'The largest is in force',
    began DateTime64(3, 'UTC') COMMENT 'When it began, by the clock of the worker that began it'
)
ENGINE = ReplacingMergeTree
ORDER BY generation;

INSERT INTO {{db}}.generations (generation, began) SELECT 1, toDateTime64(0, 3, 'UTC');

ALTER TABLE {{db}}.progress ADD COLUMN IF NOT EXISTS generation UInt32, MODIFY ORDER BY (partition, generation);

ALTER TABLE {{db}}.progress MODIFY COLUMN generation UInt32 DEFAULT 1;

INSERT INTO {{db}}.progress (partition, stream_seq, lag, as_of, updated_at, generation)
SELECT partition, stream_seq, lag, as_of, updated_at, 1 FROM {{db}}.progress FINAL WHERE generation = 0;

ALTER TABLE {{db}}.calendar ADD COLUMN IF NOT EXISTS generation UInt32, MODIFY ORDER BY (day, generation);

ALTER TABLE {{db}}.calendar MODIFY COLUMN generation UInt32 DEFAULT 1;

INSERT INTO {{db}}.calendar (day, start, generation) SELECT day, start, 1 FROM {{db}}.calendar FINAL WHERE generation = 0;

ALTER TABLE {{db}}.checkpoints
    ADD COLUMN IF NOT EXISTS missed UInt64 COMMENT 'Messages of the stream that were gone before they were read; in the row of partition 0',
    ADD COLUMN IF NOT EXISTS fingerprints Map(UInt64, UInt64) COMMENT 'Of a few messages applied: stream sequence and hash';

ALTER TABLE {{db}}.catalogs ADD COLUMN IF NOT EXISTS content_hash String COMMENT 'Of all that the catalog says: a start that changes nothing writes nothing';
