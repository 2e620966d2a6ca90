// Package clickhouse keeps Firstlight's numbers in ClickHouse: it migrates the database, writes cells, users
// and checkpoints, and reads them back after a restart.
//
// Every row is absolute and versioned, so writing a row again is harmless; nothing here needs a transaction.
package clickhouse

import (
	"context"
	"fmt"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/calendar"
)

// Conn is what the store needs of a ClickHouse connection.
type Conn interface {
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
	Exec(ctx context.Context, query string, args ...any) error
	PrepareBatch(ctx context.Context, query string, opts ...driver.PrepareBatchOption) (driver.Batch, error)
}

// Store reads and writes the tables of one database. It is safe for concurrent use.
type Store struct {
	conn     Conn
	database string
}

// NewStore returns the store of a migrated database.
func NewStore(conn Conn, database string) *Store { return &Store{conn: conn, database: database} }

func (s *Store) table(name string) string { return "`" + s.database + "`." + name }

// insert writes the rows that fill puts into a batch. A failed batch is spent, so a retry fills a new one.
func (s *Store) insert(ctx context.Context, table, columns string, fill func(driver.Batch) error) error {
	batch, err := s.conn.PrepareBatch(ctx, "INSERT INTO "+s.table(table)+" ("+columns+")")
	if err != nil {
		return fmt.Errorf("prepare rows for %s: %w", table, err)
	}
	if err := fill(batch); err != nil {
		_ = batch.Abort() // the error that matters is why the rows do not fit
		return fmt.Errorf("fill rows for %s: %w", table, err)
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("write rows of %s: %w", table, err)
	}
	return nil
}

// columns appends whole columns to a batch, in the order of the insert.
func columns(b driver.Batch, cols ...any) error {
	for i, c := range cols {
		if err := b.Column(i).Append(c); err != nil {
			return fmt.Errorf("column %d: %w", i+1, err)
		}
	}
	return nil
}

// rows appends one array per row to a column: faster than appending the column by reflection.
func rows[T any](b driver.Batch, column int, values []T) error {
	c := b.Column(column)
	for _, v := range values {
		if err := c.AppendRow(v); err != nil {
			return fmt.Errorf("column %d: %w", column+1, err)
		}
	}
	return nil
}

// CellRows are rows of the table cells, by column.
type CellRows struct {
	Kind, Name, Segment, Value, Window []string
	CohortStart, Day                   []time.Time
	Stage                              []uint8
	Bucket, BucketEnd                  []time.Time
	N, Active, Adopters, NewAdopters   []int64
	Ages                               [][]uint16
	Counts, Sums                       [][]uint64
	Partition                          uint16
	Version                            uint64
}

// Len returns the number of rows.
func (r *CellRows) Len() int { return len(r.Kind) }

// WriteCells writes cells.
func (s *Store) WriteCells(ctx context.Context, r *CellRows) error {
	const names = "kind, name, segment, segment_value, cohort_start, window, stage, bucket, bucket_end, day, n, active, adopters, new_adopters, partition, version, ages, counts, sums"
	return s.insert(ctx, "cells", names, func(b driver.Batch) error {
		err := columns(b, r.Kind, r.Name, r.Segment, r.Value, r.CohortStart, r.Window, r.Stage, r.Bucket, r.BucketEnd, r.Day,
			r.N, r.Active, r.Adopters, r.NewAdopters, repeat(r.Partition, r.Len()), repeat(r.Version, r.Len()))
		if err != nil {
			return err
		}
		if err := rows(b, 16, r.Ages); err != nil {
			return err
		}
		if err := rows(b, 17, r.Counts); err != nil {
			return err
		}
		return rows(b, 18, r.Sums)
	})
}

func repeat[T any](v T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// UserRows are rows of the table users, by column.
type UserRows struct {
	UserID      []string
	Facts       []string
	LastSeen    []int64
	EnteredAt   [][]int64
	CohortStart [][]time.Time
	Segments    [][]map[string]string
	ReachedAt   [][]int64
	Steps       [][]uint64
	Version     []uint64
	Partition   uint16
}

// Len returns the number of rows.
func (r *UserRows) Len() int { return len(r.UserID) }

// WriteUsers writes users.
func (s *Store) WriteUsers(ctx context.Context, r *UserRows) error {
	const names = "partition, user_id, facts, last_seen, version, entered_at, cohort_start, segments, reached_at, steps"
	return s.insert(ctx, "users", names, func(b driver.Batch) error {
		if err := columns(b, repeat(r.Partition, r.Len()), r.UserID, r.Facts, r.LastSeen, r.Version); err != nil {
			return err
		}
		if err := rows(b, 5, r.EnteredAt); err != nil {
			return err
		}
		if err := rows(b, 6, r.CohortStart); err != nil {
			return err
		}
		if err := rows(b, 7, r.Segments); err != nil {
			return err
		}
		if err := rows(b, 8, r.ReachedAt); err != nil {
			return err
		}
		return rows(b, 9, r.Steps)
	})
}

// Name is a value that a cap admitted.
type Name struct {
	Scope, Value string
	Version      uint64
}

// WriteNames writes admitted names.
func (s *Store) WriteNames(ctx context.Context, partition uint16, names []Name) error {
	return s.insert(ctx, "names", "partition, scope, value, version", func(b driver.Batch) error {
		for _, n := range names {
			if err := b.Append(partition, n.Scope, n.Value, n.Version); err != nil {
				return err
			}
		}
		return nil
	})
}

// WriteCalendar writes the first instants (Unix seconds) of local days.
func (s *Store) WriteCalendar(ctx context.Context, starts map[calendar.Day]int64) error {
	return s.insert(ctx, "calendar", "day, start", func(b driver.Batch) error {
		for d, start := range starts {
			if err := b.Append(d.Time(), time.Unix(start, 0).UTC()); err != nil {
				return err
			}
		}
		return nil
	})
}

// WriteAgeEdges writes the upper edges (ms) of the age buckets.
func (s *Store) WriteAgeEdges(ctx context.Context, edges []int64) error {
	return s.insert(ctx, "age_edges", "age, upper_ms", func(b driver.Batch) error {
		for i, e := range edges {
			if err := b.Append(uint16(i), uint64(e)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Progress is how far a partition has got, beside its checkpoint.
type Progress struct {
	Partition uint16
	StreamSeq uint64
	Lag       uint64
	AsOf      int64 // ms
}

// WriteProgress writes the progress of partitions, now.
func (s *Store) WriteProgress(ctx context.Context, now time.Time, progress []Progress) error {
	return s.insert(ctx, "progress", "partition, stream_seq, lag, as_of, updated_at", func(b driver.Batch) error {
		for _, p := range progress {
			if err := b.Append(p.Partition, p.StreamSeq, p.Lag, p.AsOf, now.UTC()); err != nil {
				return err
			}
		}
		return nil
	})
}
