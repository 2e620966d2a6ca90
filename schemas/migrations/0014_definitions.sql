-- A catalog that asks for other numbers is computed beside those in force: in a generation of its own, which is put in force by a row
-- of generations once it has caught up. A catalog belongs to the generation whose numbers it shows, so that both change in one step.

CREATE TABLE IF NOT EXISTS {{db}}.definitions
(
    generation UInt32,
    source String COMMENT 'The catalog file that the generation computes; empty: nothing is computed beside any more',
    beside Bool COMMENT 'It is computed beside the one in force; the largest counts',
    began DateTime64(3, 'UTC') COMMENT 'By the clock of the worker that began it'
)
ENGINE = ReplacingMergeTree
ORDER BY generation;

ALTER TABLE {{db}}.catalogs ADD COLUMN IF NOT EXISTS generation UInt32 COMMENT 'Whose numbers it shows; 0: of a version that had one only';
