// Package clickhouse keeps Firstlight's numbers in ClickHouse: it migrates the database, writes cells, users
// and checkpoints, and reads them back after a restart.
//
// Every row is absolute and versioned, so writing a row again is harmless; nothing here needs a transaction.
package clickhouse

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/worker"
)

var (
	_ worker.Store   = (*Store)(nil)
	_ worker.Numbers = (*Store)(nil)
)

// Conn is what the store needs of a ClickHouse connection.
type Conn interface {
	Query(ctx context.Context, query string, args ...any) (driver.Rows, error)
	Exec(ctx context.Context, query string, args ...any) error
	PrepareBatch(ctx context.Context, query string, opts ...driver.PrepareBatchOption) (driver.Batch, error)
}

// Store reads and writes the tables of one database. It is a worker.Store, and once it is of one generation (In) its
// worker.Numbers. It is safe for concurrent use.
type Store struct {
	conn       Conn
	database   string
	generation uint32 // 0: the one in force, for reading
	shapes     *shapes
	days       *days // of the generation
}

// NewStore returns the store of a migrated database. Over a connection with a Cluster it reads what any worker had stored before,
// whichever server that wrote to.
func NewStore(conn Conn, database string) *Store {
	if c, ok := conn.(*Connection); ok && c.Cluster != "" {
		conn = newUpToDate(c, database)
	}
	return &Store{conn: conn, database: database, shapes: &shapes{}, days: &days{}}
}

func (s *Store) table(name string) string { return "`" + s.database + "`." + name }

// insert writes the rows that fill puts into a batch. A failed batch is spent, so a retry fills a new one.
func (s *Store) insert(ctx context.Context, table, columns string, fill func(driver.Batch) error) error {
	query := "INSERT INTO " + s.table(table) + " (" + columns + ")"
	batch, err := s.conn.PrepareBatch(s.shapes.with(ctx, query), query)
	if err != nil {
		s.shapes.Delete(query)
		return fmt.Errorf("prepare rows for %s: %w", table, err)
	}
	shape := shapeOf(batch)
	if err := fill(batch); err != nil {
		s.shapes.Delete(query)
		_ = batch.Abort() // the error that matters is why the rows do not fit
		return fmt.Errorf("fill rows for %s: %w", table, err)
	}
	if err := batch.Send(); err != nil {
		s.shapes.Delete(query)
		return fmt.Errorf("write rows of %s: %w", table, err)
	}
	s.shapes.Store(query, shape)
	return nil
}

// shapes are the columns into which inserts went that worked, by query: over HTTP the client else asks for them before every insert. A
// shape that works no more, because the table has changed, is forgotten with the insert that fails.
type shapes struct{ sync.Map }

// with is a context in which an insert goes into the columns that it went into before.
func (s *shapes) with(ctx context.Context, query string) context.Context {
	shape, known := s.Load(query)
	if !known {
		return ctx
	}
	return clickhouse.Context(ctx, clickhouse.WithColumnNamesAndTypes(shape.([]clickhouse.ColumnNameAndType)))
}

// shapeOf is the columns of a batch.
func shapeOf(b driver.Batch) (shape []clickhouse.ColumnNameAndType) {
	for _, c := range b.Columns() {
		shape = append(shape, clickhouse.ColumnNameAndType{Name: c.Name(), Type: string(c.Type())})
	}
	return shape
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

func repeat[T any](v T, n int) []T {
	out := make([]T, n)
	for i := range out {
		out[i] = v
	}
	return out
}

// WriteNames writes admitted names.
func (s *Store) WriteNames(ctx context.Context, names []worker.Name) error {
	return s.insert(ctx, "names", "partition, scope, value, version, generation", func(b driver.Batch) error {
		for _, n := range names {
			if err := b.Append(n.Partition, n.Scope, n.Value, n.Version, s.generation); err != nil {
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

// WriteProgress writes the progress of partitions, now.
func (s *Store) WriteProgress(ctx context.Context, now time.Time, progress []worker.Progress) error {
	return s.insert(ctx, "progress", "partition, stream_seq, lag, as_of, worker, updated_at, generation", func(b driver.Batch) error {
		for _, p := range progress {
			if err := b.Append(p.Partition, p.StreamSeq, p.Lag, p.AsOf, p.Worker, now.UTC(), s.generation); err != nil {
				return err
			}
		}
		return nil
	})
}
