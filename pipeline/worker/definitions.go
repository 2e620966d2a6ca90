package worker

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
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
	Rebuild    bool // drop what was computed and start from the stream's start
	Drain      bool // end once all that the stream held at start is stored, and in force
	AcceptLoss bool // go on although a change cannot be computed from all that was counted
	Log        *zap.Logger
	Trouble    *trouble.Board // what fails; nil: one of its own

	wanted  wish // the file that came last, as far as it is known here
	own     uint32
	force   *computing // the numbers in force; nil: nobody here computes them
	beside  *computing // what is computed beside
	ended   chan *computing
	workers sync.WaitGroup
	changed time.Time // when another generation came in force; zero: what it left behind is gone
	absent  time.Time // since when it is not known here what the generation in force computes; zero: it is
	shown   shown     // as told last
	files   chan []byte
	once    sync.Once

	mu  sync.Mutex // of what others read
	now now
}

// wish is a catalog file.
type wish struct {
	source  []byte
	catalog *catalog.Catalog
}

// shown is what Show was told.
type shown struct {
	worker *Worker
	wanted *catalog.Catalog
}

// now is what others see of Definitions.
type now struct {
	force, beside *Worker
	difference    *catalog.Difference // of what is wanted to what is in force; nil where that is not known
	refused       string              // why what is wanted is not computed
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
	if err := d.adopt(ctx, source); err != nil {
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

// leave takes account of a worker that has ended. That another generation took the place of its own is no error.
func (d *Definitions) leave(r *computing) error {
	if d.force == r {
		d.force = nil
	}
	if d.beside == r {
		d.beside = nil
	}
	if errors.Is(r.err, errRebuilt) || errors.Is(r.err, errOtherCatalog) {
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
	if err := d.runForce(ctx, generation); err != nil {
		return err
	}
	beside, err := d.Store.Beside(ctx)
	if err != nil {
		return err
	}
	if err := d.runBeside(ctx, generation, beside); err != nil {
		return err
	}
	if d.beside != nil {
		caughtUp, err := d.caughtUp(ctx, generation, beside)
		if err != nil {
			return err
		}
		if caughtUp {
			return d.putInForce(ctx, beside)
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
	if d.beside != nil && d.beside.Generation == generation {
		d.force, d.beside, d.changed = d.beside, nil, time.Now()
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

// start starts the worker of the generation in force.
func (d *Definitions) start(ctx context.Context, c *catalog.Catalog, generation uint32) (*computing, error) {
	w, err := d.New(ctx, c, generation)
	if err != nil {
		return nil, err
	}
	w.Generation = generation
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

// show says what is in force here, and what shows it.
func (d *Definitions) show() {
	d.mu.Lock()
	d.now.force, d.now.beside = nil, nil
	if d.force != nil {
		d.now.force = d.force.Worker
		if difference, err := d.wanted.catalog.Difference(d.force.Catalog.Definition()); err == nil {
			d.now.difference = difference
		}
	}
	if d.beside != nil {
		d.now.beside = d.beside.Worker
	}
	d.mu.Unlock()
	if d.force == nil || d.Show == nil || d.shown == (shown{d.force.Worker, d.wanted.catalog}) {
		return
	}
	d.shown = shown{d.force.Worker, d.wanted.catalog}
	d.Show(d.force.Worker, d.force.Catalog.As(d.wanted.catalog))
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
	beside, err := d.Store.Beside(ctx)
	if err != nil {
		return err
	}
	refused := ""
	switch given, err := d.gives(ctx, beside, file); {
	case err != nil:
		return err
	case computed != nil && !asks(file, computed):
		err = d.endBeside(ctx, beside)
		if err != nil {
			return err
		}
	case given != nil:
		if err := d.Store.In(beside).SaveCatalog(ctx, given.As(file), time.Now()); err != nil {
			return err
		}
		d.own = beside
	default:
		if refused, err = d.lost(ctx, file, generation); err != nil {
			return err
		}
		if refused != "" {
			d.Log.Warn(refused)
			err = d.endBeside(ctx, beside)
		} else {
			err = d.begin(ctx, source, file, computed)
		}
		if err != nil {
			return err
		}
	}
	if computed != nil {
		if err := d.Store.In(generation).SaveCatalog(ctx, computed.As(file), time.Now()); err != nil {
			return err
		}
	}
	d.wanted = wish{source, file}
	d.mu.Lock()
	d.now.refused = refused
	d.mu.Unlock()
	d.show()
	return nil
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
	anew := d.Rebuild || generation == 0
	if !anew {
		if anew, err = w.isTorn(ctx, generation); err != nil {
			return 0, err
		}
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
func (d *Definitions) gives(ctx context.Context, beside uint32, file *catalog.Catalog) (*catalog.Catalog, error) {
	if beside == 0 {
		return nil, nil
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

// begin begins to compute a file beside.
func (d *Definitions) begin(ctx context.Context, source []byte, file, computed *catalog.Catalog) error {
	generation, err := d.Store.BeginBeside(ctx, source, file, time.Now())
	if err != nil {
		return err
	}
	d.own = generation
	changed := []string{"the numbers in force are of another version"}
	if computed != nil {
		changed = file.Changed(computed.Definition())
	}
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
// is.
func reaches(computed, shown []Checkpoint) bool {
	if len(computed) != len(shown) {
		return len(shown) == 0
	}
	for i := range shown {
		if computed[i].AppliedSeq < shown[i].AppliedSeq && computed[i].Received < shown[i].Received {
			return false
		}
	}
	return true
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

// putInForce is the one step in which other definitions take effect.
func (d *Definitions) putInForce(ctx context.Context, beside uint32) error {
	if err := d.Store.PutInForce(ctx, beside, time.Now()); err != nil {
		return err
	}
	return d.runForce(ctx, beside)
}

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

// Observe returns what is known now of the numbers in force.
func (d *Definitions) Observe() Observation {
	d.mu.Lock()
	w := d.now.force
	d.mu.Unlock()
	if w == nil {
		return Observation{CatchingUp: true}
	}
	return w.Observe()
}

// Loading is that of the worker of the numbers in force.
func (d *Definitions) Loading() string {
	d.mu.Lock()
	w := d.now.force
	d.mu.Unlock()
	if w == nil {
		return "the numbers in force are not computed here"
	}
	return w.Loading()
}

// ImportedFrom is that of the worker of the numbers in force.
func (d *Definitions) ImportedFrom() int64 {
	d.mu.Lock()
	w := d.now.force
	d.mu.Unlock()
	if w == nil {
		return 0
	}
	return w.ImportedFrom()
}

// Building is what is computed beside.
type Building struct {
	Metrics []string // that are new or changed
	Lag     uint64   // messages to read
	Read    uint64   // messages read
	Refused string   // why what the catalog asks for is not computed; empty where it is
}

// Building returns what is computed beside, nil where nothing is nor should be.
func (d *Definitions) Building() *Building {
	d.mu.Lock()
	now := d.now
	d.mu.Unlock()
	if now.beside == nil && now.refused == "" {
		return nil
	}
	b := &Building{Refused: now.refused}
	if now.difference != nil {
		b.Metrics = slices.Concat(now.difference.Of(catalog.Added), now.difference.Of(catalog.Changed))
	}
	if now.beside == nil {
		return b
	}
	seen := now.beside.Observe()
	for i := range seen.Partitions {
		b.Lag, b.Read = b.Lag+seen.Partitions[i].Lag, b.Read+seen.Partitions[i].Accounts.Received
	}
	for i := range seen.Elsewhere {
		b.Lag += seen.Elsewhere[i].Lag
	}
	return b
}

// lost says what computing a file anew would lose, empty where the stream holds all that was counted, or a loss is accepted.
func (d *Definitions) lost(ctx context.Context, file *catalog.Catalog, generation uint32) (string, error) {
	if d.AcceptLoss {
		return "", nil
	}
	w, err := d.New(ctx, file, generation)
	if err != nil {
		return "", err
	}
	numbers := d.Store.In(generation)
	checkpoints, err := numbers.Checkpoints(ctx)
	if err != nil || len(checkpoints) == 0 {
		return "", err
	}
	purged, err := d.Store.In(math.MaxUint32).Purged(ctx) // in any
	if err != nil {
		return "", err
	}
	info, err := w.state(ctx)
	if err != nil {
		return "", err
	}
	if n := Lost(info, purged, checkpoints); n > 0 {
		return fmt.Sprintf("what the catalog changed is not computed: the stream does not hold %d messages any more that were counted, and other numbers would lack them; "+
			"what stood before goes on; start with --accept-loss to compute it from what there is", n), nil
	}
	return "", nil
}
