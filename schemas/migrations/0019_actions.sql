-- What was done about a number, and what it was done for: an action may say what is expected of it and which incident it is about. A
-- metric has the stage of the product that it belongs to.

ALTER TABLE {{db}}.annotation_log ADD COLUMN IF NOT EXISTS expects Nullable(Float64) COMMENT 'Of an action: how much the share of users is expected to change; NULL when it does not say';

ALTER TABLE {{db}}.annotation_log ADD COLUMN IF NOT EXISTS incident String COMMENT 'Of an action: the incident it is about; empty when there is none';

ALTER TABLE {{db}}.metrics ADD COLUMN IF NOT EXISTS stage LowCardinality(String) COMMENT 'early, growth or maturity; empty when not said';
