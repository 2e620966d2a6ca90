package worker

import (
	"context"
	"time"
)

// caughtUp reports whether the generation beside has all that the one in force shows.
func (d *Definitions) caughtUp(ctx context.Context, generation, beside uint32) (bool, error) {
	force, built := d.Store.In(generation), d.Store.In(beside)
	shown, err := force.Checkpoints(ctx)
	if err != nil {
		return false, err
	}
	shownAt, err := force.AsOf(ctx)
	if err != nil {
		return false, err
	}
	computed, err := built.Checkpoints(ctx) // after those in force, which go on
	if err != nil || len(computed) == 0 || len(computed) < int(computed[0].Partitions) {
		return false, err
	}
	computedAt, err := built.AsOf(ctx)
	if err != nil || len(computedAt) < len(computed) {
		return false, err
	}
	return reaches(computed, shown) && least(computedAt) >= least(shownAt), nil
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
func (d *Definitions) next(ctx context.Context, beside uint32) error {
	plan, err := d.Store.In(beside).Plan(ctx)
	if err != nil {
		return err
	}
	if plan.partial() {
		return d.join(ctx, beside, plan)
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
