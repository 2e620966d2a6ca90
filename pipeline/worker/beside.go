package worker

import (
	"context"
	"fmt"

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
	if d.own != beside { // another worker's file came later
		d.wanted = wish{source, c}
	}
	w, err := d.newBeside(ctx, c, generation, beside)
	if err != nil {
		return err
	}
	d.beside = d.goOn(ctx, w)
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

// newBeside returns the worker of a generation beside, with the partitions of the one in force.
func (d *Definitions) newBeside(ctx context.Context, c *catalog.Catalog, generation, beside uint32) (*Worker, error) {
	checkpoints, err := d.Store.In(generation).Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	w, err := d.New(ctx, c, beside)
	if err != nil {
		return nil, err
	}
	w.Generation, w.AsStored, w.Trouble = beside, true, nil // what fails of it does not concern the numbers in force
	w.Memory /= 2                                           // which have their users in memory too
	if len(checkpoints) > 0 {
		w.Partitions = int(checkpoints[0].Partitions)
	}
	return w, nil
}
