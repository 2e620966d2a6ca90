-- Metrics whose users are followed in periods since they started. Their cells are of a kind of their own:
--
-- kind        what a row is                                    bucket .. bucket_end           columns used
-- period      users who started, by when they did              hour of the start, segments    n; by number of a period (ages): who
--                                                              and calendar periods: day      returned in it (counts), and whose last
--                                                                                             return that is (sums)

ALTER TABLE {{db}}.metrics ADD COLUMN IF NOT EXISTS period LowCardinality(String) COMMENT 'day, week, calendar_day, calendar_week or calendar_month; empty where users are not followed in periods';
ALTER TABLE {{db}}.metrics ADD COLUMN IF NOT EXISTS periods UInt16 COMMENT 'Number of the last period that has rows';
ALTER TABLE {{db}}.metrics ADD COLUMN IF NOT EXISTS after_metric LowCardinality(String) COMMENT 'The metric whose value starts a user; empty where the entry does';
ALTER TABLE {{db}}.metrics ADD COLUMN IF NOT EXISTS target_period UInt16 COMMENT 'The period that the value and the target are of';
