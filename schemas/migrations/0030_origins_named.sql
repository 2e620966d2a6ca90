-- Rows of earlier versions leave to the reader under which generation their cells stand: 0 is the one in force. That question stood in
-- every view, and costs more to analyse than what it is about. From here on the rows say it themselves. Catalogs come last, because the
-- other rows are asked for by theirs.

INSERT INTO {{db}}.metrics
SELECT * EXCEPT (of) REPLACE (if(cells = 0, of, cells) AS cells, if(cohort_cells = 0, of, cohort_cells) AS cohort_cells)
FROM
(
    SELECT m.*, if(c.generation = 0, assumeNotNull((SELECT max(generation) FROM {{db}}.generations)), c.generation) AS of
    FROM (SELECT * FROM {{db}}.metrics FINAL WHERE cells = 0 OR cohort_cells = 0) AS m
    LEFT JOIN (SELECT catalog_version, generation FROM {{db}}.catalogs FINAL) AS c ON c.catalog_version = m.catalog_version
);

INSERT INTO {{db}}.experiments
SELECT * EXCEPT (of) REPLACE (of AS cells)
FROM
(
    SELECT e.*, if(c.generation = 0, assumeNotNull((SELECT max(generation) FROM {{db}}.generations)), c.generation) AS of
    FROM (SELECT * FROM {{db}}.experiments FINAL WHERE cells = 0) AS e
    LEFT JOIN (SELECT catalog_version, generation FROM {{db}}.catalogs FINAL) AS c ON c.catalog_version = e.catalog_version
);

INSERT INTO {{db}}.catalogs
SELECT * EXCEPT (of) REPLACE (of AS generation, if(volumes = 0, of, volumes) AS volumes)
FROM
(
    SELECT *, if(generation = 0, assumeNotNull((SELECT max(generation) FROM {{db}}.generations)), generation) AS of
    FROM {{db}}.catalogs FINAL
    WHERE generation = 0 OR volumes = 0
);

ALTER TABLE {{db}}.metrics
    MODIFY COLUMN cells UInt32 DEFAULT 1 COMMENT 'Generation under which the cells of the metric stand',
    MODIFY COLUMN cohort_cells UInt32 DEFAULT 1 COMMENT 'Generation under which the entries into its cohort stand';

ALTER TABLE {{db}}.experiments MODIFY COLUMN cells UInt32 DEFAULT 1 COMMENT 'Generation under which what is counted of the experiment stands';

ALTER TABLE {{db}}.catalogs
    MODIFY COLUMN generation UInt32 DEFAULT 1 COMMENT 'Whose numbers it shows',
    MODIFY COLUMN volumes UInt32 DEFAULT 1 COMMENT 'Generation under which event volumes stand';
