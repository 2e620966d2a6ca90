-- Cells stand under the generation in which their definition was taken up: what a change leaves as it was is not computed anew, and its
-- rows stay. 0, as of an earlier version, is the generation of the catalog.

ALTER TABLE {{db}}.definitions
    ADD COLUMN IF NOT EXISTS origins Map(String, UInt32) COMMENT 'Of metrics, cohorts and volumes: the generation under which their cells stand; what is not named stands under this one',
    ADD COLUMN IF NOT EXISTS joins UInt32 COMMENT 'The generation whose users it unites with those that were in force; 0: none',
    ADD COLUMN IF NOT EXISTS partitions UInt16 COMMENT 'How many it has; 0: as many as the one in force';

ALTER TABLE {{db}}.metrics
    ADD COLUMN IF NOT EXISTS cells UInt32 COMMENT 'Generation under which the cells of the metric stand; 0: that of the catalog',
    ADD COLUMN IF NOT EXISTS cohort_cells UInt32 COMMENT 'Generation under which the entries into its cohort stand; 0: that of the catalog';

ALTER TABLE {{db}}.experiments ADD COLUMN IF NOT EXISTS cells UInt32 COMMENT 'Generation under which what is counted of the experiment stands; 0: that of the catalog';

ALTER TABLE {{db}}.catalogs ADD COLUMN IF NOT EXISTS volumes UInt32 COMMENT 'Generation under which event volumes stand; 0: its own';
