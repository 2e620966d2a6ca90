package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/worker"
)

const checkpointColumns = "partition, applied_seq, arrival_clock, stream_clock, first_received, received, applied, ignored, missed, clamped, misrouted, dead, failures, capped, dead_seq, fingerprints, stream_created, partitions, definition_hash, whole_cells"

// WriteCheckpoints writes checkpoints. It is the last write of a flush: what it covers is stored.
func (s *Store) WriteCheckpoints(ctx context.Context, checkpoints ...worker.Checkpoint) error {
	return s.insert(ctx, "checkpoints", checkpointColumns+", version, generation", func(b driver.Batch) error {
		for i := range checkpoints {
			c := &checkpoints[i]
			err := b.Append(c.Partition, c.AppliedSeq, c.ArrivalClock, c.StreamClock, c.FirstReceived, c.Received, c.Applied, c.Ignored, c.Missed, c.Clamped, c.Misrouted,
				sortedMap(c.Dead), sortedMap(c.Failures), sortedMap(c.Capped), c.DeadSeq, c.Fingerprints, c.StreamCreated, c.Partitions, c.DefinitionHash, c.Cells, c.AppliedSeq, s.generation)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Checkpoints returns the newest checkpoint of every partition that has one.
func (s *Store) Checkpoints(ctx context.Context) ([]worker.Checkpoint, error) {
	query := "SELECT " + checkpointColumns + " FROM " + s.table("checkpoints") + " FINAL WHERE " + s.here() + " ORDER BY partition"
	var out []worker.Checkpoint
	err := s.each(ctx, query, func(r driver.Rows) error {
		var c worker.Checkpoint
		err := r.Scan(&c.Partition, &c.AppliedSeq, &c.ArrivalClock, &c.StreamClock, &c.FirstReceived, &c.Received, &c.Applied, &c.Ignored, &c.Missed, &c.Clamped, &c.Misrouted,
			&c.Dead, &c.Failures, &c.Capped, &c.DeadSeq, &c.Fingerprints, &c.StreamCreated, &c.Partitions, &c.DefinitionHash, &c.Cells)
		out = append(out, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	return out, nil
}

// each calls row for every row of a query.
func (s *Store) each(ctx context.Context, query string, row func(driver.Rows) error, args ...any) error {
	r, err := s.conn.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	for r.Next() {
		if err := row(r); err != nil {
			_ = r.Close() // the scan's error says more
			return err
		}
	}
	if err := r.Err(); err != nil {
		_ = r.Close()
		return err
	}
	return r.Close()
}
