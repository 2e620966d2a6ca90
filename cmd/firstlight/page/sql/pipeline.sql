SELECT partition, applied_seq, stream_seq, lag, arrival_clock, watermark, received, applied, ignored, clamped, dead, worker, updated_at
FROM {{view "pipeline_progress"}}
ORDER BY partition
{{limit}}
