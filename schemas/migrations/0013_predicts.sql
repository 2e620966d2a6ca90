-- A leading metric names the lagging one that it stands for; the view metric_prediction says whether it does.

ALTER TABLE {{db}}.metrics
    ADD COLUMN IF NOT EXISTS predicts_metric LowCardinality(String) COMMENT 'The metric that this one stands for; empty when there is none',
    ADD COLUMN IF NOT EXISTS predicts_period UInt16 COMMENT 'The period of it that is compared',
    ADD COLUMN IF NOT EXISTS predicts_least Float64 COMMENT 'Smallest difference of the rates that is worth having';
