package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// LoadUsers calls user for every user of a partition, in no particular order.
func (s *Store) LoadUsers(ctx context.Context, partition uint16, user func(id string, facts []byte, version uint64) error) error {
	query := fmt.Sprintf("SELECT user_id, facts, version FROM %s FINAL WHERE generation = 1 AND partition = %d", s.table("users"), partition)
	err := s.each(ctx, query, func(r driver.Rows) error {
		var (
			id, facts string
			version   uint64
		)
		if err := r.Scan(&id, &facts, &version); err != nil {
			return err
		}
		return user(id, []byte(facts), version)
	})
	if err != nil {
		return fmt.Errorf("load users of partition %d: %w", partition, err)
	}
	return nil
}

// LoadNames calls name for every name of a partition.
func (s *Store) LoadNames(ctx context.Context, partition uint16, name func(scope, value string)) error {
	query := fmt.Sprintf("SELECT DISTINCT scope, value FROM %s WHERE partition = %d", s.table("names"), partition)
	err := s.each(ctx, query, func(r driver.Rows) error {
		var scope, value string
		if err := r.Scan(&scope, &value); err != nil {
			return err
		}
		name(scope, value)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load names of partition %d: %w", partition, err)
	}
	return nil
}

// StoredCell is a cell as it is stored.
type StoredCell struct {
	Kind, Name, Segment, Value, Window string
	CohortStart                        time.Time
	Stage                              uint8
	Bucket                             time.Time
	N                                  int64
	Version                            uint64
}

// LoadVolumes calls cell for every event volume of a partition whose hour ends after a time (Unix seconds).
func (s *Store) LoadVolumes(ctx context.Context, partition uint16, after int64, cell func(StoredCell)) error {
	where := fmt.Sprintf("kind = 'volume' AND partition = %d AND bucket_end > toDateTime(%d, 'UTC')", partition, max(after, 0))
	return s.loadCells(ctx, where, cell)
}

// LoadAhead calls cell for every cell of a partition that was written after a checkpoint, event volumes aside.
func (s *Store) LoadAhead(ctx context.Context, partition uint16, seq uint64, cell func(StoredCell)) error {
	where := fmt.Sprintf("kind != 'volume' AND partition = %d AND version > %d", partition, seq)
	return s.loadCells(ctx, where, cell)
}

func (s *Store) loadCells(ctx context.Context, where string, cell func(StoredCell)) error {
	query := "SELECT kind, name, segment, segment_value, window, cohort_start, stage, bucket, n, version FROM " + s.table("cells") + " FINAL WHERE " + where
	err := s.each(ctx, query, func(r driver.Rows) error {
		var c StoredCell
		if err := r.Scan(&c.Kind, &c.Name, &c.Segment, &c.Value, &c.Window, &c.CohortStart, &c.Stage, &c.Bucket, &c.N, &c.Version); err != nil {
			return err
		}
		cell(c)
		return nil
	})
	if err != nil {
		return fmt.Errorf("load cells where %s: %w", where, err)
	}
	return nil
}

// AsOf returns the stored as_of (ms) of every partition.
func (s *Store) AsOf(ctx context.Context) (map[uint16]int64, error) {
	out := make(map[uint16]int64)
	err := s.each(ctx, "SELECT partition, max(as_of) FROM "+s.table("progress")+" GROUP BY partition", func(r driver.Rows) error {
		var (
			p  uint16
			at int64
		)
		if err := r.Scan(&p, &at); err != nil {
			return err
		}
		out[p] = at
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read progress: %w", err)
	}
	return out, nil
}
