package clickhouse

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Identity is what numbers belong to: other numbers cannot continue them.
type Identity struct {
	StreamCreated  int64 // ms
	Partitions     uint16
	DefinitionHash string
}

// Checkpoint is the position of one partition and every account that must survive with it.
type Checkpoint struct {
	Identity
	Partition     uint16
	AppliedSeq    uint64
	ArrivalClock  int64 // ms, 0 before the first message
	FirstReceived int64 // ms, 0 before the first message
	Received      uint64
	Applied       uint64
	Ignored       uint64
	Clamped       uint64
	Dead          map[string]uint64 // by reason
	Failures      map[string]uint64 // by selector
	Capped        map[string]uint64 // by cap
	DeadSeq       uint64            // last sequence of the dead-letter stream when written
}

const checkpointColumns = "partition, applied_seq, arrival_clock, first_received, received, applied, ignored, clamped, dead, failures, capped, dead_seq, stream_created, partitions, definition_hash"

// WriteCheckpoints writes checkpoints. It is the last write of a flush: what it covers is stored.
func (s *Store) WriteCheckpoints(ctx context.Context, checkpoints ...Checkpoint) error {
	return s.insert(ctx, "checkpoints", checkpointColumns+", version", func(b driver.Batch) error {
		for i := range checkpoints {
			c := &checkpoints[i]
			err := b.Append(c.Partition, c.AppliedSeq, c.ArrivalClock, c.FirstReceived, c.Received, c.Applied, c.Ignored, c.Clamped,
				c.Dead, c.Failures, c.Capped, c.DeadSeq, c.StreamCreated, c.Partitions, c.DefinitionHash, c.AppliedSeq)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Checkpoints returns the newest checkpoint of every partition that has one.
func (s *Store) Checkpoints(ctx context.Context) ([]Checkpoint, error) {
	query := "SELECT " + checkpointColumns + " FROM " + s.table("checkpoints") + " FINAL ORDER BY partition"
	var out []Checkpoint
	err := s.each(ctx, query, func(r driver.Rows) error {
		var c Checkpoint
		err := r.Scan(&c.Partition, &c.AppliedSeq, &c.ArrivalClock, &c.FirstReceived, &c.Received, &c.Applied, &c.Ignored, &c.Clamped,
			&c.Dead, &c.Failures, &c.Capped, &c.DeadSeq, &c.StreamCreated, &c.Partitions, &c.DefinitionHash)
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

// computed are the tables that hold what was computed from the stream.
var computed = []string{"cells", "users", "names", "progress", "calendar"}

// Clear drops everything computed. Checkpoints go first: a crash in between leaves rows without checkpoints,
// which HasLeftovers finds.
func (s *Store) Clear(ctx context.Context) error {
	for _, t := range append([]string{"checkpoints"}, computed...) {
		if err := s.conn.Exec(ctx, "TRUNCATE TABLE "+s.table(t)); err != nil {
			return fmt.Errorf("clear %s: %w", t, err)
		}
	}
	return nil
}

// HasLeftovers reports whether users or cells are stored: without checkpoints they are of no use.
func (s *Store) HasLeftovers(ctx context.Context) (bool, error) {
	for _, t := range []string{"cells", "users", "names"} {
		found := false
		err := s.each(ctx, "SELECT 1 FROM "+s.table(t)+" LIMIT 1", func(driver.Rows) error { found = true; return nil })
		if err != nil || found {
			return found, err
		}
	}
	return false, nil
}
