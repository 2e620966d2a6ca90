package worker

import (
	"context"
	"time"

	"firstlight/pipeline/calendar"
)

// caughtUp reports whether the generation beside, which a worker has stored up to a sequence at least, has all that the one in force
// shows, and the as_of (ms) that it may show then. What is read first is in what is read after it: a partition is stored up to its as_of
// before that is said, and numbers in force go on.
func (d *Definitions) caughtUp(ctx context.Context, generation uint32, w *Worker, stored uint64) (caughtUp bool, asOf int64, err error) {
	force, built := d.Store.In(generation), d.Store.In(w.Generation)
	shownAt, err := force.AsOf(ctx)
	if err != nil {
		return false, 0, err
	}
	shown, err := force.Checkpoints(ctx)
	if err != nil {
		return false, 0, err
	}
	computed, err := built.Checkpoints(ctx)
	if err != nil || len(computed) == 0 || len(computed) < int(computed[0].Partitions) {
		return false, 0, err
	}
	computedAt, err := built.AsOf(ctx)
	if err != nil || len(computedAt) < len(computed) {
		return false, 0, err
	}
	if asOf = least(shownAt); reaches(computed, shown) || stored >= furthest(shown) {
		return true, asOf, nil
	}
	last, err := w.last(ctx) // what came after it is gone: nobody gets there again
	return err == nil && stored >= last, asOf, err
}

// carry has the generation of a worker show an as_of (ms) at least, as the one did whose place it takes: as_of never goes back, not even
// where the newest message is gone from the stream, so that nobody who computes it again comes as far.
func (d *Definitions) carry(ctx context.Context, w *Worker, asOf int64) error {
	numbers := d.Store.In(w.Generation)
	own, err := numbers.AsOf(ctx)
	if err != nil || least(own) >= asOf {
		return err
	}
	cal := calendar.New(w.Catalog.Location, w.Catalog.WeekStart)
	if err := numbers.WriteCalendar(ctx, around(cal, cal.DayOf(asOf/1000))); err != nil {
		return err
	}
	checkpoints, err := numbers.Checkpoints(ctx)
	if err != nil {
		return err
	}
	rows := make([]Progress, 0, len(checkpoints))
	for i := range checkpoints {
		c := &checkpoints[i]
		rows = append(rows, Progress{Partition: c.Partition, StreamSeq: c.AppliedSeq, AsOf: max(own[c.Partition], asOf), Worker: w.Name})
	}
	return numbers.WriteProgress(ctx, time.Now(), rows)
}

// reaches reports whether checkpoints cover all that others do. A partition without messages of its own may be stored less far than it
// is. Numbers of which some partition has no checkpoint never began: there is nothing to cover.
func reaches(computed, shown []Checkpoint) bool {
	if len(shown) == 0 || len(shown) < int(shown[0].Partitions) {
		return true
	}
	if len(computed) != len(shown) {
		return accounted(computed) >= accounted(shown)
	}
	for i := range shown {
		if computed[i].AppliedSeq < shown[i].AppliedSeq && computed[i].Received < shown[i].Received {
			return false
		}
	}
	return true
}

// furthest is the sequence up to which some partition is stored at most.
func furthest(checkpoints []Checkpoint) (seq uint64) {
	for i := range checkpoints {
		seq = max(seq, checkpoints[i].AppliedSeq)
	}
	return seq
}

// accounted is how many messages checkpoints cover, with those that were gone before they were read.
func accounted(checkpoints []Checkpoint) (n uint64) {
	for i := range checkpoints {
		n += checkpoints[i].Received + checkpoints[i].Missed
	}
	return n
}

func least(asOf map[uint16]int64) (at int64) {
	first := true
	for _, ms := range asOf {
		if first || ms < at {
			at, first = ms, false
		}
	}
	return at
}

// next takes the step that follows once a generation beside has caught up.
func (d *Definitions) next(ctx context.Context, beside uint32, asOf int64) error {
	plan, err := d.Store.In(beside).Plan(ctx)
	if err != nil {
		return err
	}
	if plan.partial() {
		return d.join(ctx, beside, plan)
	}
	if err := d.carry(ctx, d.beside.Worker, asOf); err != nil {
		return err
	}
	return d.putInForce(ctx, beside)
}

// putInForce is the one step in which other definitions take effect.
func (d *Definitions) putInForce(ctx context.Context, beside uint32) error {
	if err := d.Store.PutInForce(ctx, beside, time.Now()); err != nil {
		return err
	}
	return d.runForce(ctx, beside)
}
