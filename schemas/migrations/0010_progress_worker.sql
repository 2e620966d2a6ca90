-- Which worker says how far a partition is: partitions move between workers.

ALTER TABLE {{db}}.progress ADD COLUMN IF NOT EXISTS worker String COMMENT 'The worker that says so';
