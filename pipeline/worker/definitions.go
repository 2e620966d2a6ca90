package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/trouble"
)

// Definitions keeps the numbers to a catalog file while that changes. The numbers in force go on by the catalog that they began with,
// of which is shown what the file still has. Where the file asks for more, all of it is computed from the stream's start in a
// generation beside, and put in force in one step once it has caught up. What is computed is stored, so that every worker takes part
// in it and goes on with it after a crash, whatever file it has itself: the file that came last decides, at a start or by Change.
//
// Goroutines: Run is one, and every worker that it runs another.
type Definitions struct {
	Store Store
	// Load compiles a catalog file.
	Load func(source []byte) (*catalog.Catalog, error)
	// New returns a worker that computes a catalog in a generation.
	New func(ctx context.Context, c *catalog.Catalog, generation uint32) (*Worker, error)
	// Show is told the worker of the numbers in force and the catalog that shows them, at the beginning and when either changes. It
	// may be nil.
	Show       func(w *Worker, shown *catalog.Catalog)
	Rebuild    bool          // compute everything from the stream's start; what stands is dropped before only where it cannot go on
	Lost       bool          // of what was computed some is gone: it cannot go on
	Drain      bool          // end once all that the stream held at start is stored, and in force
	AcceptLoss bool          // go on although a change cannot be computed from all that was counted
	StartWait  time.Duration // how long a start waits for servers that are not there yet or elect a leader
	Log        *zap.Logger
	Trouble    *trouble.Board // what fails; nil: one of its own

	wanted wish // the file that came last, as far as it is known here
	own    uint32
	// rebuilding: this process was asked to compute everything again, and does so beside what stands.
	rebuilding bool
	force      *computing // the numbers in force; nil: nobody here computes them
	beside     *computing // what is computed beside
	ended      chan *computing
	workers    sync.WaitGroup
	changed    time.Time // when another generation came in force; zero: what it left behind is gone
	absent     time.Time // since when it is not known here what the generation in force computes; zero: it is
	shown      shown     // as told last
	unfit      bool      // the numbers in force could not go on here
	files      chan []byte
	once       sync.Once

	refusedIn uint32 // the generation that was in force when what is wanted was refused

	mu  sync.Mutex // of what others read
	now now
}

// computing is a worker that runs.
type computing struct {
	*Worker
	err error
}

const (
	stepEvery = 500 * time.Millisecond
	// keepsFor is how long what an earlier generation left behind is kept.
	keepsFor = 7 * 24 * time.Hour
)

func (d *Definitions) init() {
	d.once.Do(func() {
		d.ended, d.files = make(chan *computing, 16), make(chan []byte, 1)
		if d.Trouble == nil {
			d.Trouble = trouble.NewBoard(d.Log)
		}
	})
}

// Change has another catalog file decide. A file that came just before and was not looked at yet is left.
func (d *Definitions) Change(source []byte) {
	d.init()
	for {
		select {
		case d.files <- source:
			return
		default:
		}
		select {
		case <-d.files:
		default:
		}
	}
}

// Run keeps the numbers to a catalog file until ctx ends, or when Drain is set until the stream is drained. It returns a *Refusal when
// what is stored belongs to something else.
func (d *Definitions) Run(ctx context.Context, source []byte) error {
	d.init()
	defer d.workers.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := d.Trouble.RetryFor(ctx, d.StartWait, trouble.ClickHouse, "looking up what is computed", func() error { return d.adopt(ctx, source) })
	if err != nil {
		return quiet(ctx, err)
	}
	if d.Drain {
		return quiet(ctx, d.drain(ctx))
	}
	tick := time.NewTicker(stepEvery)
	defer tick.Stop()
	var next []byte // a file that could not be taken up yet
	for {
		err := d.step(ctx, next)
		if stops(err) && !errors.Is(err, errRebuilt) {
			return err
		}
		if err == nil {
			next = nil
		}
		if ctx.Err() == nil {
			d.Trouble.Report(trouble.PlaceOf(err, trouble.ClickHouse), definitionsInForce, err)
		}
		select {
		case <-ctx.Done():
			return d.stopped()
		case next = <-d.files:
		case r := <-d.ended:
			if err := d.leave(r); err != nil {
				return quiet(ctx, err)
			}
		case <-tick.C:
		}
	}
}

const definitionsInForce = "the definitions in force"

// quiet is no error where ctx has ended: that is why.
func quiet(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// stopped waits for the workers of a Run that ends, and returns what went wrong with the one of the numbers in force.
func (d *Definitions) stopped() error {
	d.workers.Wait()
	for {
		select {
		case r := <-d.ended:
			if err := d.leave(r); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// leave takes account of a worker that has ended. That another generation took the place of its own is no error, nor is what fails of one
// that computes beside: it is started again.
func (d *Definitions) leave(r *computing) error {
	beside := d.beside == r
	force := d.force == r
	if force {
		d.force = nil
	}
	if d.beside == r {
		d.beside = nil
	}
	if errors.Is(r.err, errRebuilt) || errors.Is(r.err, errOtherCatalog) {
		return nil
	}
	if force && r.err != nil && d.rebuilding {
		d.unfit = true
		d.Log.Warn("the numbers in force cannot go on: what is computed from the stream's start takes their place now", zap.Error(r.err))
		return nil
	}
	if beside && r.err != nil {
		d.Log.Warn("what the catalog changed is not computed for now: it is tried again", zap.Error(r.err))
		return nil
	}
	return r.err
}

// step brings what runs here to what is stored.
func (d *Definitions) step(ctx context.Context, next []byte) error {
	if next != nil {
		if err := d.adopt(ctx, next); err != nil {
			return err
		}
	}
	generation, err := d.Store.Generation(ctx)
	if err != nil {
		return err
	}
	if !d.unfit {
		if err := d.runForce(ctx, generation); err != nil {
			return err
		}
	}
	beside, err := d.Store.Beside(ctx)
	if err != nil {
		return err
	}
	if d.unfit {
		if d.unfit, d.rebuilding = false, false; beside != 0 {
			return d.putInForce(ctx, beside)
		}
	}
	if err := d.runBeside(ctx, generation, beside); err != nil {
		return err
	}
	if d.beside != nil {
		caughtUp, asOf, err := d.caughtUp(ctx, generation, d.beside.Worker, d.beside.reportedUpTo())
		if err != nil {
			return err
		}
		if caughtUp {
			return d.next(ctx, beside, asOf)
		}
	}
	if !d.changed.IsZero() && time.Since(d.changed) > keepsFor {
		d.changed = time.Time{}
		return d.Store.In(generation).DropEarlier(ctx)
	}
	return nil
}

// runForce has the generation in force be computed here: by the worker that has computed it beside, or by one that is started.
func (d *Definitions) runForce(ctx context.Context, generation uint32) error {
	if d.force != nil && d.force.Generation == generation {
		return nil
	}
	if generation != d.refusedIn {
		d.refuse("", generation) // others have computed it meanwhile
	}
	if d.beside != nil && d.beside.Generation == generation {
		d.force, d.beside, d.changed, d.rebuilding = d.beside, nil, time.Now(), false
		d.force.ImportedFrom() // what it has read of the past was judged before
		d.Log.Info("other definitions are in force", zap.Uint32("generation", generation))
		d.show()
		return nil
	}
	c, err := d.computedBy(ctx, generation)
	if err != nil {
		return err
	}
	if c == nil {
		return d.awaitKnown(ctx)
	}
	if d.force, err = d.start(ctx, c, generation); err != nil {
		return err
	}
	d.absent = time.Time{}
	d.show()
	return nil
}

// awaitKnown leaves whoever began the generation in force to say what it computes, before it takes it for one that was killed. What a
// version before this one computed is never said.
func (d *Definitions) awaitKnown(ctx context.Context) error {
	switch {
	case d.absent.IsZero():
		d.absent = time.Now()
	case time.Since(d.absent) > begunPatience:
		d.absent = time.Time{}
		return d.adopt(ctx, d.wanted.source)
	}
	return nil
}

// start starts the worker of the generation in force.
func (d *Definitions) start(ctx context.Context, c *catalog.Catalog, generation uint32) (*computing, error) {
	w, err := d.newOf(ctx, c, generation)
	if err != nil {
		return nil, err
	}
	w.AsStored = true
	return d.goOn(ctx, w), nil
}

func (d *Definitions) goOn(ctx context.Context, w *Worker) *computing {
	r := &computing{Worker: w}
	d.workers.Go(func() {
		r.err = w.Run(ctx)
		d.ended <- r
	})
	return r
}
