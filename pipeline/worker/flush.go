package worker

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
)

// flushed stores a group and tells how long it took.
func (w *Worker) flushed(ctx context.Context, group []*snapshot) error {
	began := time.Now()
	err := w.store(ctx, group)
	if err == nil && w.Flushed != nil {
		w.Flushed(time.Since(began))
	}
	return err
}

// store writes a group of snapshots, of one partition each, in the order that makes a crash between any two writes harmless: names
// and calendar, cells, forgotten users, voices, users, dead letters, and last the checkpoints that cover them. Each write is one for all snapshots, and is
// tried again until it succeeds or ctx ends.
func (w *Worker) store(ctx context.Context, group []*snapshot) error {
	g := gather(group)
	tried := false
	steps := []struct {
		what  string
		at    string
		empty bool
		write func() error
	}{
		{"names", trouble.ClickHouse, len(g.names) == 0, func() error { return w.numbers.WriteNames(ctx, g.names) }},
		{"calendar", trouble.ClickHouse, len(g.days) == 0, func() error { return w.numbers.WriteCalendar(ctx, g.days) }},
		{"cells", trouble.ClickHouse, len(g.cells) == 0, func() error { return w.numbers.WriteCells(ctx, g.cells...) }},
		{"forgotten users", trouble.ClickHouse, len(g.forgotten) == 0, func() error { return w.numbers.WriteForgotten(ctx, g.forgotten) }},
		{"voices", trouble.ClickHouse, len(g.voices) == 0, func() error { return w.numbers.WriteVoices(ctx, g.voices) }},
		{"users", trouble.ClickHouse, len(g.users) == 0, func() error { return w.numbers.WriteUsers(ctx, g.users...) }},
		{"dead letters", trouble.NATS, len(g.dead) == 0, func() error {
			again := tried
			tried = true
			return w.sendDead(ctx, g, again)
		}},
		{"checkpoints", trouble.ClickHouse, false, func() error { return w.writeCheckpoints(ctx, group) }},
		{"positions", trouble.NATS, w.Positions == nil || w.beside.Load(), func() error { return w.notePositions(ctx, checkpointsOf(group), false) }},
	}
	for _, step := range steps {
		if step.empty {
			continue
		}
		if err := w.Trouble.Retry(ctx, step.at, step.what, step.write); err != nil {
			return fmt.Errorf("flush partitions %v: %w", g.partitions, err)
		}
	}
	return nil
}

// gathered is what several snapshots write together.
type gathered struct {
	partitions []uint16
	names      []Name
	days       map[calendar.Day]int64
	cells      []*CellRows
	forgotten  []Forgotten
	voices     []Voice
	users      []*UserRows
	dead       []stream.DeadLetter
	deadSeq    uint64 // letters up to here were known to be stored when the first of them was made
}

func gather(group []*snapshot) *gathered {
	g := &gathered{days: map[calendar.Day]int64{}, deadSeq: group[0].checkpoint.DeadSeq}
	for _, s := range group {
		g.partitions = append(g.partitions, s.checkpoint.Partition)
		g.names = append(g.names, s.names...)
		maps.Copy(g.days, s.days)
		if s.cells.Len() > 0 {
			g.cells = append(g.cells, &s.cells)
		}
		g.forgotten = append(g.forgotten, s.forgotten...)
		g.voices = append(g.voices, s.voices...)
		if s.users.Len() > 0 {
			g.users = append(g.users, &s.users)
		}
		g.dead = append(g.dead, s.dead...)
		g.deadSeq = min(g.deadSeq, s.checkpoint.DeadSeq)
	}
	return g
}

// sendDead sends letters. When it is tried again, those that the stream has are not sent twice.
func (w *Worker) sendDead(ctx context.Context, g *gathered, again bool) error {
	letters := g.dead
	if again {
		sent, err := w.Dead.SentAfter(ctx, g.deadSeq)
		if err != nil {
			return err
		}
		letters = slices.DeleteFunc(slices.Clone(letters), func(l stream.DeadLetter) bool { return sent.Has(&l) })
	}
	return w.Dead.Send(ctx, letters)
}

// writeCheckpoints ends a flush. No letter of a later message of these partitions has been sent yet, so letters stored by now need not
// be read back after a crash.
func (w *Worker) writeCheckpoints(ctx context.Context, group []*snapshot) error {
	for _, s := range group {
		s.checkpoint.DeadSeq = max(s.checkpoint.DeadSeq, w.Dead.Last())
	}
	return w.numbers.WriteCheckpoints(ctx, checkpointsOf(group)...)
}

func checkpointsOf(group []*snapshot) []Checkpoint {
	checkpoints := make([]Checkpoint, len(group))
	for i, s := range group {
		checkpoints[i] = s.checkpoint
	}
	return checkpoints
}
