package worker

import (
	"context"
	"time"
)

// drain computes what is wanted up to where the stream ends now.
func (d *Definitions) drain(ctx context.Context) error {
	generation, err := d.Store.Generation(ctx)
	if err != nil {
		return err
	}
	for {
		beside, err := d.Store.Beside(ctx)
		if err != nil {
			return err
		}
		if beside == 0 {
			return d.drainForce(ctx, generation)
		}
		switch inForce, err := d.drainBeside(ctx, generation, beside); {
		case err != nil || ctx.Err() != nil:
			return err
		case inForce:
			return nil
		}
	}
}

// drainBeside computes the generation beside up to where the stream ends now, and takes the next step with it. It reports whether it is
// in force now.
func (d *Definitions) drainBeside(ctx context.Context, generation, beside uint32) (inForce bool, err error) {
	_, c, err := d.sourceBeside(ctx, beside)
	if err != nil {
		return false, err
	}
	w, err := d.newBeside(ctx, c, generation, beside)
	if err != nil {
		return false, err
	}
	if w.Plan.Joins != 0 { // users are united with those that are in force by then
		if err := d.drainForce(ctx, generation); err != nil || ctx.Err() != nil {
			return false, err
		}
	}
	w.Drain = true
	if err := w.Run(ctx); err != nil || ctx.Err() != nil {
		return false, err
	}
	caughtUp, asOf, err := d.caughtUp(ctx, generation, w, w.progress.drainTo)
	if err != nil || !caughtUp {
		return false, err
	}
	if w.Plan.partial() {
		return false, d.join(ctx, beside, w.Plan)
	}
	if err := d.carry(ctx, w, asOf); err != nil {
		return false, err
	}
	d.force = &computing{Worker: w}
	if err := d.Store.PutInForce(ctx, beside, time.Now()); err != nil {
		return false, err
	}
	d.show()
	return true, nil
}

func (d *Definitions) drainForce(ctx context.Context, generation uint32) error {
	c, err := d.computedBy(ctx, generation)
	if err != nil {
		return err
	}
	if c == nil {
		return &Refusal{"the numbers in force are of another version or catalog: " + rebuildAdvice}
	}
	w, err := d.newOf(ctx, c, generation)
	if err != nil {
		return err
	}
	w.AsStored, w.Drain = true, true
	d.force = &computing{Worker: w}
	d.show()
	return w.Run(ctx)
}
