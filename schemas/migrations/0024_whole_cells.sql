-- A worker that starts reads cells back as they are stored where the checkpoint says that they are all that its users give.

ALTER TABLE {{db}}.checkpoints ADD COLUMN IF NOT EXISTS whole_cells UInt8 COMMENT 'By which rule the cells stored up to here are all that the users give; 0: none is known'
