-- Users followed in periods are told apart by whether they reached another metric in time: in the cells of kind period with stage 1 (who
-- did) and 2 (who did not), by the hour of entry. segment_value there is empty, or where users do not start with their entry: for
-- periods of the calendar the number of the local day of the start since 1970-01-01, for others the minute since then in which its hour ends.

ALTER TABLE {{db}}.metrics ADD COLUMN IF NOT EXISTS split_metric LowCardinality(String) COMMENT 'The metric by which users are told apart; empty where they are not';
