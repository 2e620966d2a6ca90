package clickhouse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/worker"
)

// Everything computed from the stream belongs to a generation, and only the largest counts. So whatever is begun anew takes
// effect with one row, and a worker that has not heard of it writes where nobody reads.

// computed are the tables that hold what was computed from the stream.
var computed = []string{"checkpoints", "cells", "users", "forgotten", "names", "progress", "calendar"}

// In returns the numbers of one generation: what is written to them belongs there, and so does what is read. A store that NewStore
// returned reads the generation in force and writes nothing computed.
func (s *Store) In(generation uint32) worker.Numbers { return s.in(generation) }

func (s *Store) in(generation uint32) *Store {
	of := *s
	of.generation = generation
	return &of
}

// here is the condition on rows of the store's generation.
func (s *Store) here() string {
	if s.generation == 0 {
		return "generation = (SELECT max(generation) FROM " + s.table("generations") + ")"
	}
	return fmt.Sprintf("generation = %d", s.generation)
}

// Generation returns the generation in force, 0 when there is none yet.
func (s *Store) Generation(ctx context.Context) (uint32, error) {
	var generation uint32
	err := s.each(ctx, "SELECT max(generation) FROM "+s.table("generations"), func(r driver.Rows) error { return r.Scan(&generation) })
	if err != nil {
		return 0, fmt.Errorf("read the generation in force: %w", err)
	}
	return generation, nil
}

// generationStep bounds how far apart generations are. Two workers that begin one at the same moment do not mean the same.
const generationStep = 1000

// Begin puts a new generation in force, which holds nothing, and returns it: or another that began at the same moment.
func (s *Store) Begin(ctx context.Context, now time.Time) (uint32, error) {
	before, err := s.Generation(ctx)
	if err != nil {
		return 0, err
	}
	next := before + 1 + rand.Uint32N(generationStep)
	err = s.insert(ctx, "generations", "generation, began", func(b driver.Batch) error { return b.Append(next, now.UTC()) })
	if err != nil {
		return 0, err
	}
	return s.Generation(ctx)
}

// DropEarlier deletes what belongs to generations before the store's. Nobody reads it any more, but it takes room.
func (s *Store) DropEarlier(ctx context.Context) error {
	for _, t := range computed {
		where := fmt.Sprintf("generation < %d", s.generation)
		found, err := s.holds(ctx, t, where)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if err := s.conn.Exec(ctx, "ALTER TABLE "+s.table(t)+" DELETE WHERE "+where); err != nil {
			return fmt.Errorf("drop earlier generations of %s: %w", t, err)
		}
	}
	return nil
}

// HasLeftovers reports whether users, cells or names of the generation are stored: without checkpoints they are of no use.
func (s *Store) HasLeftovers(ctx context.Context) (bool, error) {
	for _, t := range []string{"cells", "users", "names"} {
		if found, err := s.holds(ctx, t, s.here()); err != nil || found {
			return found, err
		}
	}
	return false, nil
}

// holds reports whether a table has a row that meets a condition.
func (s *Store) holds(ctx context.Context, table, where string) (bool, error) {
	found := false
	err := s.each(ctx, "SELECT 1 FROM "+s.table(table)+" WHERE "+where+" LIMIT 1", func(driver.Rows) error { found = true; return nil })
	if err != nil {
		return false, fmt.Errorf("look into %s: %w", table, err)
	}
	return found, nil
}
