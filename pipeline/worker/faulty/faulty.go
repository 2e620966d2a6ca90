// Package faulty is for tests: it makes the writes of a worker fail where a test wants it, before they take effect, in their
// middle or after. A worker that dies at a write and one whose write fails look the same to what is stored.
package faulty

import (
	"context"
	"fmt"
	"sync"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
	"firstlight/pipeline/worker"
)

// Moment is where a write fails.
type Moment int

const (
	// Before the write: nothing of it takes effect.
	Before Moment = iota
	// During the write: about half of its rows take effect.
	During
	// After the write: it takes effect, and the writer does not learn that.
	After
)

// Writes by name, and one read.
const (
	AgeEdges    = "age edges"
	Beside      = "what is computed beside"
	Calendar    = "calendar"
	Catalog     = "catalog"
	Cells       = "cells"
	Checkpoints = "checkpoints"
	Earlier     = "earlier generations" // deleting them
	Forgotten   = "forgotten users"
	Generation  = "generation"
	Dead        = "dead letters"
	Layout      = "layout of users"
	Names       = "names"
	Reports     = "progress"
	Source      = "catalog file"
	Users       = "users"
	Voices      = "voices"
	ReadBack    = "users read back"
)

// Fault is asked at every moment of every write, by several goroutines at once. Its error is what the write fails with; it may
// block.
type Fault func(write string, at Moment) error

// Crash is the death of a process: the n-th write (from 0) fails at a moment, and every write after it before it takes effect.
// The error is one for good: nothing is tried again.
func Crash(n int, at Moment, err error) Fault {
	var mu sync.Mutex
	writes, dead := 0, false
	return func(_ string, moment Moment) error {
		mu.Lock()
		defer mu.Unlock()
		if moment == Before {
			writes++
		}
		if dead = dead || writes == n+1 && moment >= at; dead {
			return trouble.Final(err)
		}
		return nil
	}
}

// Inject makes the writes of a worker fail where f says so.
func Inject(w *worker.Worker, f Fault) {
	w.Store, w.Dead = Store(w.Store, f), &letters{w.Dead, f}
}

// Store makes the writes to a store fail where f says so.
func Store(s worker.Store, f Fault) worker.Store { return &store{s, f} }

// write makes a write of n rows; rows stores the first so many.
func (f Fault) write(what string, n int, rows func(first int) error) error {
	if err := f(what, Before); err != nil {
		return fmt.Errorf("before writing %s: %w", what, err)
	}
	if err := f(what, During); err != nil {
		if n > 1 {
			_ = rows(n / 2) // the write fails anyhow
		}
		return fmt.Errorf("writing %s: %w", what, err)
	}
	if err := rows(n); err != nil {
		return err
	}
	if err := f(what, After); err != nil {
		return fmt.Errorf("after writing %s: %w", what, err)
	}
	return nil
}

// once makes a write that takes effect as a whole.
func (f Fault) once(what string, write func() error) error {
	return f.write(what, 1, func(int) error { return write() })
}

type store struct {
	worker.Store
	fault Fault
}

func (s *store) Begin(ctx context.Context, now time.Time) (generation uint32, err error) {
	err = s.fault.once(Generation, func() (err error) { generation, err = s.Store.Begin(ctx, now); return err })
	return generation, err
}

func (s *store) In(generation uint32) worker.Numbers {
	return &numbers{s.Store.In(generation), s.fault}
}

func (s *store) BeginBeside(ctx context.Context, source []byte, c *catalog.Catalog, plan worker.Plan, now time.Time) (generation uint32, err error) {
	err = s.fault.once(Beside, func() (err error) { generation, err = s.Store.BeginBeside(ctx, source, c, plan, now); return err })
	return generation, err
}

func (s *store) EndBeside(ctx context.Context, now time.Time) error {
	return s.fault.once(Beside, func() error { return s.Store.EndBeside(ctx, now) })
}

func (s *store) PutInForce(ctx context.Context, generation uint32, now time.Time) error {
	return s.fault.once(Generation, func() error { return s.Store.PutInForce(ctx, generation, now) })
}

func (s *store) WriteLayout(ctx context.Context, name uint64, text string) error {
	return s.fault.once(Layout, func() error { return s.Store.WriteLayout(ctx, name, text) })
}

func (s *store) WriteAgeEdges(ctx context.Context, edges []int64) error {
	return s.fault.write(AgeEdges, len(edges), func(first int) error { return s.Store.WriteAgeEdges(ctx, edges[:first]) })
}

type numbers struct {
	worker.Numbers
	fault Fault
}

func (n *numbers) SaveSource(ctx context.Context, source []byte, now time.Time) error {
	return n.fault.once(Source, func() error { return n.Numbers.SaveSource(ctx, source, now) })
}

func (n *numbers) CopyCalendar(ctx context.Context, from ...uint32) error {
	return n.fault.write(Calendar, len(from), func(first int) error { return n.Numbers.CopyCalendar(ctx, from[:first]...) })
}

func (n *numbers) SaveCatalog(ctx context.Context, c *catalog.Catalog, now time.Time) error {
	return n.fault.once(Catalog, func() error { return n.Numbers.SaveCatalog(ctx, c, now) })
}

func (n *numbers) WriteNames(ctx context.Context, names []worker.Name) error {
	return n.fault.write(Names, len(names), func(first int) error { return n.Numbers.WriteNames(ctx, names[:first]) })
}

func (n *numbers) WriteCalendar(ctx context.Context, starts map[calendar.Day]int64) error {
	return n.fault.write(Calendar, len(starts), func(first int) error {
		some := make(map[calendar.Day]int64, first)
		for day, start := range starts {
			if len(some) < first {
				some[day] = start
			}
		}
		return n.Numbers.WriteCalendar(ctx, some)
	})
}

func (n *numbers) WriteCells(ctx context.Context, rows ...*worker.CellRows) error {
	total := 0
	for _, r := range rows {
		total += r.Len()
	}
	return n.fault.write(Cells, total, func(first int) error {
		var some []*worker.CellRows
		for _, r := range rows {
			if k := min(first, r.Len()); k > 0 {
				some, first = append(some, firstCells(r, k)), first-k
			}
		}
		return n.Numbers.WriteCells(ctx, some...)
	})
}

func (n *numbers) WriteUsers(ctx context.Context, rows ...*worker.UserRows) error {
	total := 0
	for _, r := range rows {
		total += r.Len()
	}
	return n.fault.write(Users, total, func(first int) error {
		var some []*worker.UserRows
		for _, r := range rows {
			if k := min(first, r.Len()); k > 0 {
				some, first = append(some, firstUsers(r, k)), first-k
			}
		}
		return n.Numbers.WriteUsers(ctx, some...)
	})
}

func (n *numbers) ReadUsers(ctx context.Context, named []worker.Named, user func(partition uint16, id, facts []byte, version uint64) error) error {
	return n.fault.write(ReadBack, 2, func(parts int) error {
		rows := 0
		return n.Numbers.ReadUsers(ctx, named, func(partition uint16, id, facts []byte, version uint64) error {
			if rows++; parts == 1 && rows%2 == 0 {
				return nil
			}
			return user(partition, id, facts, version)
		})
	})
}

func (n *numbers) WriteVoices(ctx context.Context, rows []worker.Voice) error {
	return n.fault.write(Voices, len(rows), func(first int) error { return n.Numbers.WriteVoices(ctx, rows[:first]) })
}

func (n *numbers) WriteForgotten(ctx context.Context, rows []worker.Forgotten) error {
	return n.fault.write(Forgotten, len(rows), func(first int) error { return n.Numbers.WriteForgotten(ctx, rows[:first]) })
}

func (n *numbers) WriteCheckpoints(ctx context.Context, checkpoints ...worker.Checkpoint) error {
	return n.fault.write(Checkpoints, len(checkpoints), func(first int) error { return n.Numbers.WriteCheckpoints(ctx, checkpoints[:first]...) })
}

func (n *numbers) WriteProgress(ctx context.Context, now time.Time, progress []worker.Progress) error {
	return n.fault.write(Reports, len(progress), func(first int) error { return n.Numbers.WriteProgress(ctx, now, progress[:first]) })
}

func (n *numbers) DropEarlier(ctx context.Context) error {
	return n.fault.once(Earlier, func() error { return n.Numbers.DropEarlier(ctx) })
}

type letters struct {
	worker.Letters
	fault Fault
}

func (l *letters) Send(ctx context.Context, all []stream.DeadLetter) error {
	return l.fault.write(Dead, len(all), func(first int) error { return l.Letters.Send(ctx, all[:first]) })
}

func firstCells(r *worker.CellRows, n int) *worker.CellRows {
	var under []uint32
	if len(r.Generation) > 0 {
		under = r.Generation[:n]
	}
	return &worker.CellRows{
		Kind: r.Kind[:n], Name: r.Name[:n], Segment: r.Segment[:n], Value: r.Value[:n], Window: r.Window[:n],
		CohortStart: r.CohortStart[:n], Day: r.Day[:n], Stage: r.Stage[:n], Bucket: r.Bucket[:n], BucketEnd: r.BucketEnd[:n],
		N: r.N[:n], Active: r.Active[:n], Adopters: r.Adopters[:n], NewAdopters: r.NewAdopters[:n],
		Ages: r.Ages[:n], Counts: r.Counts[:n], Sums: r.Sums[:n], Partition: r.Partition, Version: r.Version, Generation: under,
	}
}

func firstUsers(r *worker.UserRows, n int) *worker.UserRows {
	return &worker.UserRows{
		UserID: r.UserID[:n], Facts: r.Facts[:n], LastSeen: r.LastSeen[:n], EnteredAt: r.EnteredAt[:n], CohortStart: r.CohortStart[:n],
		Segments: r.Segments[:n], ReachedAt: r.ReachedAt[:n], Steps: r.Steps[:n], StepTimes: r.StepTimes[:n], Excluded: r.Excluded[:n], Version: r.Version[:n], Partition: r.Partition,
	}
}
