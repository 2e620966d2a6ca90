package worker

import (
	"context"
	"fmt"
	"time"

	"firstlight/pipeline/catalog"
)

// runBeside has the generation beside be computed here.
func (d *Definitions) runBeside(ctx context.Context, generation, beside uint32) error {
	if d.beside != nil && d.beside.Generation == beside {
		return nil
	}
	if d.beside = nil; beside == 0 { // the worker notices by itself
		d.show()
		return nil
	}
	source, c, err := d.sourceBeside(ctx, beside)
	if err != nil {
		return err
	}
	w, err := d.newBeside(ctx, c, generation, beside)
	if err != nil {
		return err
	}
	mine, err := d.isOwn(ctx, w.Plan.Joins, c)
	if err != nil {
		return err
	}
	if mine { // of this worker's file, whoever went on with it
		if err := d.Store.In(beside).SaveCatalog(ctx, c.As(d.wanted.catalog), time.Now()); err != nil {
			return err
		}
		d.own = beside
	}
	if d.own != beside { // another worker's file came later
		d.wanted = wish{source, c}
	}
	d.beside = d.goOn(ctx, w)
	d.refuse("", generation) // whoever began it was allowed to
	d.show()
	return nil
}

// sourceBeside returns the catalog that is computed beside.
func (d *Definitions) sourceBeside(ctx context.Context, beside uint32) ([]byte, *catalog.Catalog, error) {
	source, err := d.Store.In(beside).Source(ctx)
	if err != nil {
		return nil, nil, err
	}
	c, err := d.Load(source)
	if err != nil {
		return nil, nil, fmt.Errorf("load the catalog that is computed beside: %w", err)
	}
	return source, c, nil
}

// newBeside returns the worker of a generation beside, with the partitions of the one in force where no others are asked for.
func (d *Definitions) newBeside(ctx context.Context, c *catalog.Catalog, generation, beside uint32) (*Worker, error) {
	w, err := d.newOf(ctx, c, beside)
	if err != nil {
		return nil, err
	}
	w.AsStored, w.Trouble = true, nil // what fails of it does not concern the numbers in force
	w.Memory /= 2                     // which have their users in memory too
	checkpoints, err := d.Store.In(generation).Checkpoints(ctx)
	switch {
	case err != nil:
		return nil, err
	case w.Plan.Partitions > 0:
		w.Partitions = int(w.Plan.Partitions)
	case len(checkpoints) > 0:
		w.Partitions = int(checkpoints[0].Partitions)
	}
	if w.Plan.Joins == 0 && !w.Plan.partial() {
		return w, nil
	}
	w.From = generation
	w.Was, err = d.computedBy(ctx, generation)
	return w, err
}

// newOf returns the worker of a generation.
func (d *Definitions) newOf(ctx context.Context, c *catalog.Catalog, generation uint32) (*Worker, error) {
	plan, err := d.Store.In(generation).Plan(ctx)
	if err != nil {
		return nil, err
	}
	w, err := d.New(ctx, c, generation)
	if err != nil {
		return nil, err
	}
	w.Generation, w.Plan, w.StartWait = generation, plan, d.StartWait
	return w, nil
}

// isOwn reports whether a generation beside, which computes a catalog, is shown by this worker's file: no other worker's came later.
func (d *Definitions) isOwn(ctx context.Context, beside uint32, computes *catalog.Catalog) (bool, error) {
	if beside == 0 || beside != d.own {
		return false, nil
	}
	return d.Store.In(beside).IsShownBy(ctx, computes.As(d.wanted.catalog))
}

// join has the users of a generation beside, which has computed what is new, united with those in force.
func (d *Definitions) join(ctx context.Context, beside uint32, plan Plan) error {
	source, c, err := d.sourceBeside(ctx, beside)
	if err != nil {
		return err
	}
	mine, err := d.isOwn(ctx, beside, c)
	if err != nil {
		return err
	}
	shown := c
	if mine {
		shown = c.As(d.wanted.catalog)
	}
	joined, err := d.Store.BeginBeside(ctx, source, shown, Plan{Origins: plan.Origins.joined(c.Computed(), beside), Joins: beside, CompleteFrom: plan.CompleteFrom}, time.Now())
	if err == nil && mine {
		d.own = joined
	}
	return err
}
