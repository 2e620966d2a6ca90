package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/catalog"
)

// wish is a catalog file.
type wish struct {
	source  []byte
	catalog *catalog.Catalog
}

// adopt has a catalog file decide what is computed and shown.
func (d *Definitions) adopt(ctx context.Context, source []byte) error {
	file, err := d.Load(source)
	if err != nil {
		return err
	}
	if err := d.awaitStored(ctx, file); err != nil {
		return err
	}
	generation, err := d.chooseGeneration(ctx, source, file)
	if err != nil {
		return err
	}
	computed, err := d.knownBy(ctx, generation, source, file)
	if err != nil {
		return err
	}
	refused, err := d.decide(ctx, wish{source, file}, computed, generation)
	if err != nil {
		return err
	}
	if computed != nil {
		if err := d.Store.In(generation).SaveCatalog(ctx, computed.As(file), time.Now()); err != nil {
			return err
		}
	}
	d.wanted = wish{source, file}
	d.refuse(refused, generation)
	d.show()
	return nil
}

// decide begins, goes on with or ends what is computed beside the numbers in force, by what is wanted. refused is why that is not
// computed; empty when it is.
func (d *Definitions) decide(ctx context.Context, wanted wish, computed *catalog.Catalog, generation uint32) (refused string, err error) {
	beside, err := d.Store.Beside(ctx)
	if err != nil {
		return "", err
	}
	partitions, err := d.otherPartitions(ctx, generation)
	if err != nil {
		return "", err
	}
	again, err := d.again(ctx, generation, beside)
	if err != nil {
		return "", err
	}
	partitions = cmp.Or(partitions, again)
	given, err := d.gives(ctx, beside, wanted.catalog, partitions)
	switch {
	case err != nil:
		return "", err
	case computed != nil && !asks(wanted.catalog, computed) && partitions == 0:
		return "", d.endBeside(ctx, beside)
	case given != nil && !d.Rebuild:
		if err := d.Store.In(beside).SaveCatalog(ctx, given.As(wanted.catalog), time.Now()); err != nil {
			return "", err
		}
		d.own = beside
		return "", nil
	}
	if again == 0 { // who asks for all again knows what the stream holds
		if refused, err = d.loses(ctx, wanted.catalog, computed, generation, partitions); err != nil {
			return "", err
		}
	}
	if refused != "" {
		d.Log.Warn(refused)
		return refused, d.endBeside(ctx, beside)
	}
	d.rebuilding = d.Rebuild
	if err := d.begin(ctx, wanted.source, wanted.catalog, computed, generation, partitions); err != nil {
		return "", err
	}
	d.Rebuild = false
	return "", nil
}

// awaitStored waits until the store has what workers have stored: what it lacks is not begun anew.
func (d *Definitions) awaitStored(ctx context.Context, file *catalog.Catalog) error {
	w, err := d.New(ctx, file, 0)
	if err != nil || d.Rebuild {
		return err
	}
	return w.awaitStored(ctx)
}

// asks reports whether a catalog file asks for what another one does not compute.
func asks(file, computed *catalog.Catalog) bool {
	difference, err := file.Difference(computed.Definition())
	return err != nil || difference.Computes()
}

// chooseGeneration returns the generation in force, which is begun where there is none that can be gone on with.
func (d *Definitions) chooseGeneration(ctx context.Context, source []byte, file *catalog.Catalog) (uint32, error) {
	w := &Worker{Store: d.Store}
	generation, err := d.Store.Generation(ctx)
	if err != nil {
		return 0, err
	}
	anew := generation == 0
	if !anew {
		if anew, err = w.isTorn(ctx, generation); err != nil {
			return 0, err
		}
	}
	if d.Rebuild && !anew {
		stands, err := d.stands(ctx, file, generation)
		if err != nil {
			return 0, err
		}
		anew = !stands
	}
	if anew {
		if generation, err = d.Store.Begin(ctx, time.Now()); err != nil {
			return 0, err
		}
		d.Rebuild = false
		d.Log.Info("computing from the stream's start", zap.Uint32("generation", generation))
	}
	checkpoints, err := d.Store.In(generation).Checkpoints(ctx)
	if err != nil {
		return 0, err
	}
	if len(checkpoints) == 0 {
		if err := d.Store.In(generation).SaveSource(ctx, source, time.Now()); err != nil {
			return 0, err
		}
		d.own = generation
	}
	if d.force == nil { // at a start
		if err := d.Store.In(generation).DropEarlier(ctx); err != nil {
			d.Log.Warn("what was computed before could not be dropped: it takes room, and counts nowhere", zap.Error(err))
		}
	}
	return generation, nil
}

// stands reports whether the numbers in force are whole and belong to the stream: then they are shown and go on while all is computed
// again beside them. What does not is dropped before.
func (d *Definitions) stands(ctx context.Context, file *catalog.Catalog, generation uint32) (bool, error) {
	checkpoints, err := d.Store.In(generation).Checkpoints(ctx)
	if err != nil || d.Lost || len(checkpoints) == 0 || len(checkpoints) < int(checkpoints[0].Partitions) {
		return false, err
	}
	w, err := d.New(ctx, file, generation)
	if err != nil {
		return false, err
	}
	if err = w.lacking(ctx); err == nil {
		err = w.sameHistory(ctx, checkpoints)
	}
	if errors.Is(err, errLacking) || stops(err) {
		d.Log.Info("the numbers in force are dropped: they cannot go on", zap.Error(err))
		return false, nil
	}
	return err == nil, err
}

// again is how many partitions the numbers have that are computed again as they are, because that was asked for now or what is computed
// beside began so; 0 where nothing is. A generation beside names as many partitions as the one in force has for no other reason.
func (d *Definitions) again(ctx context.Context, generation, beside uint32) (uint16, error) {
	checkpoints, err := d.Store.In(generation).Checkpoints(ctx)
	if err != nil || len(checkpoints) == 0 {
		return 0, err
	}
	partitions := checkpoints[0].Partitions
	switch {
	case d.Rebuild:
		return partitions, nil
	case beside == 0:
		return 0, nil
	}
	plan, err := d.Store.In(beside).Plan(ctx)
	if err != nil || plan.Partitions != partitions {
		return 0, err
	}
	return partitions, nil
}

// computedBy returns the catalog that a generation computes, nil where it is not known.
func (d *Definitions) computedBy(ctx context.Context, generation uint32) (*catalog.Catalog, error) {
	numbers := d.Store.In(generation)
	source, err := numbers.Source(ctx)
	if err != nil || source == nil {
		return nil, err
	}
	checkpoints, err := numbers.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	if len(checkpoints) == 0 && d.own != generation {
		return nil, nil // the worker that began it is about to write them
	}
	c, err := d.Load(source)
	if err != nil {
		return nil, fmt.Errorf("load the catalog that is computed: %w", err)
	}
	if len(checkpoints) > 0 && checkpoints[0].DefinitionHash != c.Hash() {
		return nil, nil // two workers began the generation at the same moment, with different files
	}
	return c, nil
}

// knownBy is computedBy, where a version before this one may have computed just this file.
func (d *Definitions) knownBy(ctx context.Context, generation uint32, source []byte, file *catalog.Catalog) (*catalog.Catalog, error) {
	computed, err := d.computedBy(ctx, generation)
	if err != nil || computed != nil {
		return computed, err
	}
	numbers := d.Store.In(generation)
	checkpoints, err := numbers.Checkpoints(ctx)
	if err != nil || len(checkpoints) == 0 || checkpoints[0].DefinitionHash != file.Hash() {
		return nil, err
	}
	return file, numbers.SaveSource(ctx, source, time.Now())
}

// gives returns the catalog that is computed beside where it gives all that a file asks for, else nil.
func (d *Definitions) gives(ctx context.Context, beside uint32, file *catalog.Catalog, partitions uint16) (*catalog.Catalog, error) {
	if beside == 0 {
		return nil, nil
	}
	if plan, err := d.Store.In(beside).Plan(ctx); err != nil || plan.Partitions != partitions {
		return nil, err
	}
	source, err := d.Store.In(beside).Source(ctx)
	if err != nil || source == nil {
		return nil, err
	}
	c, err := d.Load(source)
	if err != nil || asks(file, c) {
		return nil, nil //nolint:nilerr // what another version left is computed anew
	}
	return c, nil
}

// otherPartitions is how many partitions are asked for, 0 where the numbers in force have as many.
func (d *Definitions) otherPartitions(ctx context.Context, generation uint32) (uint16, error) {
	checkpoints, err := d.Store.In(generation).Checkpoints(ctx)
	if err != nil || len(checkpoints) == 0 {
		return 0, err
	}
	w, err := d.New(ctx, &catalog.Catalog{}, generation)
	if err != nil || w.AsStored || w.Partitions == int(checkpoints[0].Partitions) {
		return 0, err
	}
	return uint16(w.Partitions), nil
}

// begin begins to compute beside what a file asks for: what stays as it is counted is not computed.
func (d *Definitions) begin(ctx context.Context, source []byte, file, computed *catalog.Catalog, force uint32, partitions uint16) error {
	plan, changed := Plan{Partitions: partitions}, []string{"the numbers in force are of another version"}
	if computed != nil {
		difference, err := file.Difference(computed.Definition())
		if err != nil {
			return err
		}
		inForce, err := d.Store.In(force).Plan(ctx)
		if err != nil {
			return err
		}
		switch changed = file.Changed(computed.Definition()); {
		case partitions != 0:
			changed = append(changed, fmt.Sprintf("everything, with %d partitions", partitions))
		default:
			if plan, err = d.planOf(ctx, file, difference, force, &inForce); err != nil {
				return err
			}
		}
	}
	generation, err := d.Store.BeginBeside(ctx, source, file, plan, time.Now())
	if err != nil {
		return err
	}
	d.own = generation
	d.Log.Info("the catalog asks for other numbers: they are computed beside those in force", zap.Strings("changed", changed), zap.Uint32("generation", generation))
	return nil
}

func (d *Definitions) endBeside(ctx context.Context, beside uint32) error {
	if beside == 0 {
		return nil
	}
	d.Log.Info("the catalog does not ask any more for what is computed beside", zap.Uint32("generation", beside))
	return d.Store.EndBeside(ctx, time.Now())
}

// planOf is how what a file asks for is computed beside the generation in force.
func (d *Definitions) planOf(ctx context.Context, file *catalog.Catalog, difference *catalog.Difference, force uint32, inForce *Plan) (plan Plan, err error) {
	all, kept := file.Computed(), file.Kept(difference)
	if plan.Origins = keptOrigins(all, kept, force, inForce.Origins); plan.Origins == nil {
		return plan, nil
	}
	lost, begins, err := d.lost(ctx, file, force)
	if err != nil || lost == 0 {
		begins = 0
	}
	plan.CompleteFrom = truncated(all, kept, begins, inForce.CompleteFrom)
	return plan, err
}

// loses says what computing a file beside would lose, empty where the stream holds all that was counted, where what the file asks for is
// new, or where a loss is accepted.
func (d *Definitions) loses(ctx context.Context, file, computed *catalog.Catalog, generation uint32, partitions uint16) (string, error) {
	if d.AcceptLoss {
		return "", nil
	}
	if computed != nil && partitions == 0 {
		difference, err := file.Difference(computed.Definition())
		if err != nil || !difference.Loses() && file.Kept(difference).Any() {
			return "", err
		}
	}
	lost, _, err := d.lost(ctx, file, generation)
	if err != nil || lost == 0 {
		return "", err
	}
	return fmt.Sprintf("what the catalog changed is not computed: the stream does not hold %d messages any more that were counted, and other numbers would lack them; "+
		"what stood before goes on; start with --accept-loss to compute it from what there is", lost), nil
}

// afterFirst (ms) is how long after the stream's first message numbers are complete: clocks of publishers may be that far ahead.
const afterFirst = 60_000

// lost is how many messages that were counted the stream does not hold any more, and from when (ms) it is complete.
func (d *Definitions) lost(ctx context.Context, file *catalog.Catalog, generation uint32) (n uint64, begins int64, err error) {
	w, err := d.New(ctx, file, generation)
	if err != nil {
		return 0, 0, err
	}
	checkpoints, err := d.Store.In(generation).Checkpoints(ctx)
	if err != nil || len(checkpoints) == 0 {
		return 0, 0, err
	}
	purged, err := d.Store.In(math.MaxUint32).Purged(ctx) // in any
	if err != nil {
		return 0, 0, err
	}
	info, err := w.state(ctx)
	if err != nil {
		return 0, 0, err
	}
	begins, err = w.beginning(ctx, info)
	return Lost(info, purged, checkpoints), begins + afterFirst, err
}
