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
	beside, err := d.Store.Beside(ctx)
	if err != nil {
		return err
	}
	if beside == 0 {
		return d.drainForce(ctx, generation)
	}
	_, c, err := d.sourceBeside(ctx, beside)
	if err != nil {
		return err
	}
	for {
		w, err := d.newBeside(ctx, c, generation, beside)
		if err != nil {
			return err
		}
		w.Drain = true
		if err := w.Run(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		switch caughtUp, err := d.caughtUp(ctx, generation, beside); {
		case err != nil:
			return err
		case caughtUp:
			d.force = &computing{Worker: w}
			if err := d.Store.PutInForce(ctx, beside, time.Now()); err != nil {
				return err
			}
			d.show()
			return nil
		}
	}
}

func (d *Definitions) drainForce(ctx context.Context, generation uint32) error {
	c, err := d.computedBy(ctx, generation)
	if err != nil {
		return err
	}
	if c == nil {
		return &Refusal{"the numbers in force are of another version or catalog: " + rebuildAdvice}
	}
	w, err := d.New(ctx, c, generation)
	if err != nil {
		return err
	}
	w.Generation, w.Drain = generation, true
	d.force = &computing{Worker: w}
	d.show()
	return w.Run(ctx)
}
