{{- /* Single users: one row of the users table holds all cohorts and metrics by their position in the catalog. */ -}}

{{define "user_columns" -}}
    user_id String COMMENT 'The user, as the events name them',
    cohort_start Date COMMENT 'First local day of the day, week or month in which the user entered',
    segments Map(String, String) COMMENT 'Segment values from the entry event, by segment name, in the order of names',
    entered_at DateTime64(3, 'UTC') COMMENT 'Time of the entry event',
{{- end}}

{{define "step_columns" -}}
    steps_done UInt64 COMMENT 'Steps the user has completed in time; metrics without steps count as one',
    next_step String COMMENT 'Name of the first missing step in catalog order; empty when none is missing'
{{- end}}

{{define "progress"}}{{/* every entered user with every chosen metric */ -}}
    SELECT c.metric AS metric, c.cohort AS cohort, c.kind AS kind, c.steps AS steps, c.within_seconds AS within_seconds,
        u.user_id AS user_id, u.last_seen AS last_seen,
        u.cohort_start[c.cohort_position] AS cohort_start, mapSort(u.segments[c.cohort_position]) AS segments,
        u.entered_at[c.cohort_position] AS entry_ms, u.reached_at[c.position] AS reach_ms, u.steps[c.position] AS step_bits
    FROM {{db}}.users AS u FINAL
    CROSS JOIN chosen AS c
    WHERE generation = {{template "generation"}} AND entry_ms != 0 AND entry_ms >= 1000 * toInt64(c.counts_from)
{{- end}}

{{define "steps"}}{{/* adding 1 to the bits flips all up to and with the first missing one */ -}}
    toUInt64(bitCount(step_bits)) AS steps_done,
    steps[bitCount(bitXor(step_bits, step_bits + 1))] AS next_step
{{- end}}
