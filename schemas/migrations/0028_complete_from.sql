-- A metric that is new while the stream does not hold all events of its cohort's users any more counts those who enter from then on.

ALTER TABLE {{db}}.definitions
    ADD COLUMN IF NOT EXISTS complete_from Map(String, Int64) COMMENT 'Of metrics that were taken up when the stream did not hold all that was counted: from when they are complete, ms';

ALTER TABLE {{db}}.metrics
    ADD COLUMN IF NOT EXISTS complete_from Int64 COMMENT 'From when the metric is complete, ms, where that is later than its cohort; 0: as what is computed with it',
    ADD COLUMN IF NOT EXISTS counts_from UInt32 COMMENT 'Users who entered before (Unix time) are not counted: the first local day from complete_from on; 0: all are';
