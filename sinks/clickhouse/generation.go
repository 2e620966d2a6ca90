package clickhouse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/worker"
)

// Everything computed from the stream belongs to a generation, and only the largest counts. So whatever is begun anew takes
// effect with one row, and a worker that has not heard of it writes where nobody reads.

// computed are the tables that hold what was computed from the stream.
var computed = []string{"checkpoints", "cells", "users", "forgotten", "names", "progress", "calendar", "window_days", "definitions"}

// In returns the numbers of one generation: what is written to them belongs there, and so does what is read. A store that NewStore
// returned reads the generation in force and writes nothing computed.
func (s *Store) In(generation uint32) worker.Numbers { return s.in(generation) }

func (s *Store) in(generation uint32) *Store {
	of := *s
	of.generation, of.days = generation, &days{}
	return &of
}

// here is the condition on rows of the store's generation.
func (s *Store) here() string {
	if s.generation == 0 {
		return "generation = (SELECT max(generation) FROM " + s.table("generations") + ")"
	}
	return fmt.Sprintf("generation = %d", s.generation)
}

// inCatalog is the condition on rows of catalogs, such as metrics and experiments: they are of the one that shows the store's generation.
func (s *Store) inCatalog() string {
	return "catalog_version = (SELECT max(catalog_version) FROM " + s.table("catalogs") + " WHERE " + s.here() + ")"
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
	next, err := s.next(ctx)
	if err != nil {
		return 0, err
	}
	err = s.insert(ctx, "generations", "generation, began", func(b driver.Batch) error { return b.Append(next, now.UTC()) })
	if err != nil {
		return 0, err
	}
	return s.Generation(ctx)
}

// next returns a generation above all that were begun, in force or beside.
func (s *Store) next(ctx context.Context) (uint32, error) {
	var before uint32
	query := "SELECT max(generation) FROM (SELECT generation FROM " + s.table("generations") + " UNION ALL SELECT generation FROM " + s.table("definitions") + ")"
	err := s.each(ctx, query, func(r driver.Rows) error { return r.Scan(&before) })
	if err != nil {
		return 0, fmt.Errorf("read the newest generation: %w", err)
	}
	return before + 1 + rand.Uint32N(generationStep), nil
}

// Beside returns the generation that is computed beside the one in force, 0 when none is.
func (s *Store) Beside(ctx context.Context) (generation uint32, err error) {
	query := "SELECT toUInt32(if(argMax(beside, generation), max(generation), 0)) FROM " + s.table("definitions") +
		" WHERE generation > (SELECT max(generation) FROM " + s.table("generations") + ")"
	err = s.each(ctx, query, func(r driver.Rows) error { return r.Scan(&generation) })
	if err != nil {
		return 0, fmt.Errorf("read what is computed beside: %w", err)
	}
	return generation, nil
}

// BeginBeside begins a generation beside the one in force, in place of another, and returns it: or another that began at the same
// moment. Its catalog is stored before it.
func (s *Store) BeginBeside(ctx context.Context, source []byte, c *catalog.Catalog, plan worker.Plan, now time.Time) (uint32, error) {
	next, err := s.next(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.in(next).saveCatalog(ctx, c, &plan, now); err != nil {
		return 0, err
	}
	if err := s.define(ctx, next, source, true, plan, now); err != nil {
		return 0, err
	}
	return s.Beside(ctx)
}

// EndBeside has no generation computed beside any more.
func (s *Store) EndBeside(ctx context.Context, now time.Time) error {
	next, err := s.next(ctx)
	if err != nil {
		return err
	}
	return s.define(ctx, next, nil, false, worker.Plan{}, now)
}

// PutInForce puts a generation in force, with the catalog that shows it: that is one row.
func (s *Store) PutInForce(ctx context.Context, generation uint32, now time.Time) error {
	return s.insert(ctx, "generations", "generation, began", func(b driver.Batch) error { return b.Append(generation, now.UTC()) })
}

// define writes what a generation computes.
func (s *Store) define(ctx context.Context, generation uint32, source []byte, beside bool, plan worker.Plan, now time.Time) error {
	return s.insert(ctx, "definitions", "generation, source, beside, began, origins, joins, partitions, complete_from", func(b driver.Batch) error {
		return b.Append(generation, string(source), beside, now.UTC(), sortedMap(plan.Origins), plan.Joins, plan.Partitions, sortedMap(plan.CompleteFrom))
	})
}

// SaveSource keeps the catalog file that the store's generation computes.
func (s *Store) SaveSource(ctx context.Context, source []byte, now time.Time) error {
	return s.define(ctx, s.generation, source, false, worker.Plan{}, now)
}

// Source returns the catalog file that the store's generation computes, nil when it is not known.
func (s *Store) Source(ctx context.Context) (source []byte, err error) {
	query := "SELECT source FROM " + s.table("definitions") + " FINAL WHERE " + s.here()
	err = s.each(ctx, query, func(r driver.Rows) error {
		var text string
		if err := r.Scan(&text); err != nil {
			return err
		}
		source = []byte(text)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the catalog file of a generation: %w", err)
	}
	return source, nil
}

// DropEarlier deletes what belongs to generations before the store's. Nobody reads it any more, but it takes room.
func (s *Store) DropEarlier(ctx context.Context) error {
	for _, t := range computed {
		where := fmt.Sprintf("generation < %d", s.generation)
		if t == "cells" {
			var err error
			if where, err = s.stale(ctx); err != nil {
				return err
			}
		}
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

// Collect deletes what belongs neither to the generation in force nor to the one that is computed beside it, waits until that is done,
// and returns how many rows that were.
func (s *Store) Collect(ctx context.Context) (n uint64, err error) {
	generation, beside, err := s.live(ctx)
	if err != nil {
		return 0, err
	}
	live := []uint32{generation}
	if beside != 0 {
		plan, err := s.in(beside).Plan(ctx)
		if err != nil {
			return 0, err
		}
		live = append(live, beside, plan.Joins)
	}
	for _, t := range computed {
		where := fmt.Sprintf("generation NOT IN (%s)", numbersOf(live))
		if t == "cells" {
			stale, err := s.in(generation).stale(ctx, live[1:]...)
			if err != nil {
				return n, err
			}
			where += " AND (generation > " + fmt.Sprint(generation) + " OR " + stale + ")"
		}
		if t == "definitions" { // one above both says that nothing is computed beside, or is about to be
			where += fmt.Sprintf(" AND generation < %d", generation)
		}
		var rows uint64
		err := s.each(ctx, "SELECT count() FROM "+s.table(t)+" WHERE "+where, func(r driver.Rows) error { return r.Scan(&rows) })
		if err == nil && rows > 0 {
			err = s.conn.Exec(ctx, "ALTER TABLE "+s.table(t)+" DELETE WHERE "+where+" SETTINGS mutations_sync = 2")
		}
		if err != nil {
			return n, fmt.Errorf("delete what was left in %s: %w", t, err)
		}
		n += rows
	}
	return n, nil
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
