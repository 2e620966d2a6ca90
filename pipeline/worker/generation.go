package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
)

// A rebuild is a new generation of everything computed. It is one row, so it began or it did not: a rebuild that was killed is
// completed by the next start, and a worker that still runs in the generation before it can spoil nothing.

// errRebuilt is that another generation is in force than the worker's.
var errRebuilt = errors.New("the numbers are rebuilt by another worker")

// chooseGeneration sets the generation that the worker computes: a new one for a rebuild, else the one in force. Rows without
// checkpoints are of no use, and their generation is not gone on with.
func (w *Worker) chooseGeneration(ctx context.Context) error {
	if w.Generation != 0 {
		w.numbers, w.generation = w.Store.In(w.Generation), w.Generation
		return w.leaveAnswered(ctx)
	}
	generation, err := w.Store.Generation(ctx)
	if err != nil {
		return err
	}
	anew := w.Rebuild || generation == 0
	if !anew && w.overtaken {
		if err := w.awaitBegun(ctx, generation); err != nil {
			return err
		}
	}
	if !anew {
		if anew, err = w.isTorn(ctx, generation); err != nil {
			return err
		}
	}
	if anew {
		if generation, err = w.Store.Begin(ctx, time.Now()); err != nil {
			return err
		}
		w.Log.Info("computing from the stream's start", zap.Uint32("generation", generation))
		w.Rebuild = false
	}
	w.numbers, w.generation = w.Store.In(generation), generation
	if err := w.numbers.DropEarlier(ctx); err != nil {
		w.Log.Warn("what was computed before a rebuild could not be dropped: it takes room, and counts nowhere", zap.Error(err))
	}
	return nil
}

// begunPatience is how long a worker that was overtaken by a rebuild leaves it to say which stream and catalog it is of, before it
// takes it for one that was killed: both would else compute different numbers in one generation.
const begunPatience = time.Minute

// awaitBegun waits until a generation has checkpoints.
func (w *Worker) awaitBegun(ctx context.Context, generation uint32) error {
	of := w.Store.In(generation)
	return await(ctx, cmp.Or(w.begunPatience, begunPatience), reportInterval, func() (bool, error) {
		checkpoints, err := of.Checkpoints(ctx)
		return len(checkpoints) > 0, err
	})
}

// isTorn reports whether a generation holds rows but no checkpoint.
func (w *Worker) isTorn(ctx context.Context, generation uint32) (bool, error) {
	of := w.Store.In(generation)
	checkpoints, err := of.Checkpoints(ctx)
	if err != nil || len(checkpoints) > 0 {
		return false, err
	}
	return of.HasLeftovers(ctx)
}

// leaveAnswered takes note of the messages whose dead letters the generation in force has sent: one that is computed beside it sends
// none of them.
func (w *Worker) leaveAnswered(ctx context.Context) error {
	w.answered = 0
	generation, err := w.Store.Generation(ctx)
	w.beside.Store(err == nil && generation != w.generation)
	if err != nil || generation == w.generation {
		return err
	}
	checkpoints, err := w.Store.In(generation).Checkpoints(ctx)
	if err != nil || len(checkpoints) == 0 {
		return err
	}
	w.answered = slices.MinFunc(checkpoints, func(a, b Checkpoint) int { return cmp.Compare(a.AppliedSeq, b.AppliedSeq) }).AppliedSeq
	return nil
}

// inForce returns errRebuilt when the worker's generation is not the one in force any more, nor one that is computed beside it.
func (w *Worker) inForce(ctx context.Context) error {
	generation, err := w.Store.Generation(ctx)
	if err != nil {
		return err
	}
	if generation == w.generation {
		if !w.beside.Load() {
			return nil
		}
		if err := w.progress.refresh(ctx, w.numbers); err != nil { // it shows as much as the one before did
			return err
		}
		w.beside.Store(false)
		return nil
	}
	if w.Generation != 0 && generation < w.generation {
		beside, err := w.Store.Beside(ctx)
		if err != nil {
			return err
		}
		if beside == w.generation {
			return nil
		}
		if generation, err = w.Store.Generation(ctx); err != nil || generation == w.generation {
			return err // it has come in force meanwhile
		}
	}
	if generation != w.generation {
		return fmt.Errorf("%w: generation %d, this one computes %d", errRebuilt, generation, w.generation)
	}
	return nil
}
