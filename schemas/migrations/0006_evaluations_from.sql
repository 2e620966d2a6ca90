-- From which day on incidents are judged: a shorter look-back must not change what is said.

ALTER TABLE {{db}}.evaluations ADD COLUMN IF NOT EXISTS judge_from Date COMMENT 'The first local day that the next evaluation judges';
