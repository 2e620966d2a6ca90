-- Experiments are cohorts of the users who saw a variant, by variant, and metrics asked again of them. What is counted stands in cells of kinds
-- entry (users by the day of their first exposure) and reach: stage 0 holds users who got there in time or came back in the period, stage 1
-- those who are left out because they saw another variant by the end of their time. The names of these cohorts and metrics are in no catalog.

CREATE TABLE IF NOT EXISTS {{db}}.experiments
(
    catalog_version UInt64,
    position UInt16 COMMENT 'From 1, in catalog order',
    experiment LowCardinality(String),
    metric_position UInt16 COMMENT 'From 1: the first metric decides, the others guard',
    metric LowCardinality(String),
    hypothesis String,
    owner String,
    variants Array(String) COMMENT 'In the order of the catalog',
    shares Array(Float64) COMMENT 'Of users who are meant to be dealt each variant; they add up to 1',
    control String COMMENT 'The variant that others are compared with',
    least_effect Float64 COMMENT 'Smallest difference of two shares that is worth having',
    until String COMMENT 'Last local day whose exposures count, as 2027-03-31; empty when there is no end',
    better_up Bool COMMENT 'A greater share is what the metric wants',
    cohort String COMMENT 'Name in cells of kind entry',
    cell String COMMENT 'Name in cells of kind reach',
    kind LowCardinality(String),
    within_seconds UInt64 COMMENT '0 where users are followed in periods',
    period LowCardinality(String) COMMENT 'day, week, calendar_day, calendar_week or calendar_month; empty where users are not followed in periods',
    period_number UInt16 COMMENT 'The period in which users come back or do not'
)
ENGINE = ReplacingMergeTree
ORDER BY (catalog_version, position, metric_position);
