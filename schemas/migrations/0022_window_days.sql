-- Which windows a day lies in: analysing what computes them cost more, in each view, than reading all that it shows.

CREATE TABLE IF NOT EXISTS {{db}}.window_days
(
    generation UInt32,
    window LowCardinality(String) COMMENT 'As the catalog lists it; an hour stands here as the day it lies in',
    day Date COMMENT 'A local day of the window',
    start_day Date COMMENT 'Its first local day',
    window_start DateTime('UTC'),
    window_end DateTime('UTC'),
    shown_from DateTime('UTC') COMMENT 'A trailing window is shown once its last day has begun; 1970 of others'
)
ENGINE = ReplacingMergeTree
ORDER BY (generation, window, day, start_day);

INSERT INTO {{db}}.window_days (generation, window, day, start_day, window_start, window_end, shown_from)
{{template "window_days"}};
