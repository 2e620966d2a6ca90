// Package worker is the processor: it reads the event stream, joins events into users' facts, folds facts into
// cells, and flushes both to ClickHouse, partition by partition, so that a crash at any moment changes no number.
//
// Goroutines: one reader, one for each partition that runs (life), one that flushes them together (flusher), one that reads users
// back for them, one for progress; where
// workers share partitions one that looks at who holds what (sharing) and one that starts and stops partitions (move). All of them end
// before Run returns.
package worker

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/lease"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
)

// Worker processes the partitions of a stream: all of them, or its share of them.
type Worker struct {
	Catalog       *catalog.Catalog
	Plan          Plan             // of Generation
	From          uint32           // the generation in force, where Plan leaves or joins something of it
	Was           *catalog.Catalog // that one computes
	Generation    uint32           // the one that it computes, which has begun (see Definitions); 0: the one in force, or a new one
	Partitions    int              // users are dealt to so many
	AsStored      bool             // Partitions is of new numbers only: stored ones keep theirs
	FlushInterval time.Duration
	Rebuild       bool // drop what was computed and start from the stream's start
	Drain         bool // end once all that the stream held at start is stored
	Events        jetstream.Stream
	Dead          Letters
	Store         Store
	Log           *zap.Logger
	Trouble       *trouble.Board           // what fails; nil: one of its own
	Flushed       func(took time.Duration) // told of every snapshot stored; may be nil
	StartWait     time.Duration            // how long a start waits for servers that are not there yet or elect a leader
	Name          string                   // of this worker, for people
	Register      Register                 // where workers agree on who holds which partition; nil: this one holds all
	Positions     Register                 // where workers say what they have stored in a store of replicas; nil: it is of one server

	// Memory is how many bytes users may take: those in memory, and what is known of those who are not. 0: all stay in memory.
	Memory int

	numbers    Numbers // of generation
	generation uint32
	purged     []uint64                               // sequences; see Numbers.Purged
	created    int64                                  // of the stream the numbers belong to, ms
	beside     atomic.Bool                            // another generation is in force
	answered   uint64                                 // up to this message another generation has sent the dead letters
	unproven   bool                                   // that no message is left by which the stream is known was said
	overtaken  bool                                   // by the rebuild of another worker
	lives      atomic.Pointer[[]atomic.Pointer[life]] // by partition; nil: idle
	reader     *stream.Reader
	flusher    *flusher
	group      *errgroup.Group // of the lives and whoever ends with them
	taking     context.Context // ends when no message is to be taken any more
	noting     sync.Mutex      // of Positions
	progress   progress
	observed   observed
	readBacks  *readBacks
	again      chan struct{} // partitions were overtaken
	restarting atomic.Bool   // they are started again
	sharing    *sharing      // nil: it holds all partitions
	stored     atomic.Uint64 // messages of partitions that were stopped
	keyDigits  int           // of tokens; tests set fewer; 0 for tokenDigits
	page       int           // users who are united at once; tests set fewer; 0 for unitedAtOnce
	limits     *limits       // of each partition; tests set smaller ones; nil for limitsOf
	terms      *lease.Terms  // of the leases; tests set shorter ones; nil for lease.Standard

	begunPatience time.Duration // with a rebuild that was begun; tests set less; 0 for begunPatience
}

// Refusal is why a worker does not start: its message says what to do.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

// shutdownTime bounds the last flush after the context ended.
const shutdownTime = 8 * time.Second

// Run processes the stream until ctx ends, or when Drain is set until the stream is drained. It returns a
// *Refusal when what is stored belongs to something else.
func (w *Worker) Run(ctx context.Context) error {
	if w.Trouble == nil {
		w.Trouble = trouble.NewBoard(w.Log)
	}
	defer func() {
		if w.sharing != nil {
			w.sharing.leave()
		}
	}()
	err := w.started(ctx)
	for w.Generation == 0 && ctx.Err() == nil && (errors.Is(err, errRebuilt) || errors.Is(err, errOtherCatalog)) {
		if w.overtaken = errors.Is(err, errRebuilt); w.overtaken {
			w.Log.Warn("another worker began a rebuild: going on with it from the stream's start")
		}
		w.observed.recovered.Store(false)
		w.observed.report.Store(nil)
		err = w.started(ctx)
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // stopped before it took its first message
	}
	return err
}

const starting = "starting the worker"

// started is run, begun again while it cannot start. Once it has started, what fails is tried again where it fails.
func (w *Worker) started(ctx context.Context) (err error) {
	_ = w.Trouble.RetryFor(ctx, w.StartWait, trouble.ClickHouse, starting, func() error {
		err = w.run(ctx)
		if w.observed.recovered.Load() {
			return nil
		}
		return err
	}) // which is err
	return err
}

func (w *Worker) run(ctx context.Context) error {
	if err := w.join(ctx); err != nil {
		return err
	}
	checkpoints, err := w.open(ctx)
	if err != nil {
		return err
	}
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	taking, stopTaking := context.WithCancel(ctx)
	defer stopTaking()
	began := time.Now()
	stopAsked := make(chan time.Time, 1)
	context.AfterFunc(taking, func() {
		stopAsked <- time.Now()
		time.AfterFunc(shutdownTime, stopWriting)
	})

	if err := w.prepare(ctx, checkpoints); err != nil {
		return err
	}
	w.flusher = newFlusher(w.FlushInterval, w.awake, func(group []*snapshot) error { return w.flushed(writing, group) })
	w.group, w.taking = errgroup.WithContext(taking)
	w.readBacks, w.again = newReadBacks(), make(chan struct{}, 1)
	stopFlushing := w.flushUntilStopped()
	stopSharing, otherwise := w.shareUntilStopped(ctx, len(checkpoints))
	if err = w.startAll(ctx, checkpoints); err == nil {
		w.observed.recovered.Store(true)
		w.Trouble.Report(trouble.ClickHouse, starting, nil)
		w.group.Go(func() error {
			select {
			case err := <-otherwise:
				return err
			case <-w.taking.Done():
				return nil
			}
		})
		w.group.Go(func() error { return w.runReadBacks(w.taking) })
		w.group.Go(func() error { return w.reader.Run(w.taking) })
		w.group.Go(func() error {
			defer stopTaking()
			return w.reportUntilDone(w.taking)
		})
	}
	if ended := w.group.Wait(); err == nil {
		err = ended
	}
	stopFlushing()
	stopSharing()
	if err != nil {
		return err
	}
	w.logStored(time.Since(began), time.Since(<-stopAsked))
	return w.lastReport(writing)
}

// lastReport says how far a worker has come that stops. Who waits for a drain waits for that; else what cannot be said is said by whoever
// goes on.
func (w *Worker) lastReport(ctx context.Context) error {
	err := w.report(ctx)
	if err == nil || w.Drain || stops(err) {
		return err
	}
	w.Log.Warn("how far it has come could not be told any more", zap.Error(err))
	return nil
}

// flushUntilStopped flushes until the function that it returns is called, after the lives have ended.
func (w *Worker) flushUntilStopped() (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() { defer close(ended); w.flusher.run(end) }()
	return func() { close(end); <-ended }
}

func everyPartition(n int) (all []uint16) {
	for i := range n {
		all = append(all, uint16(i))
	}
	return all
}

// prepare sets up the reader, to which no partition is attached yet, and the progress that is published.
func (w *Worker) prepare(ctx context.Context, checkpoints []Checkpoint) error {
	lives := make([]atomic.Pointer[life], len(checkpoints))
	w.lives.Store(&lives)
	last, err := w.last(ctx)
	if err != nil {
		return err
	}
	if err := w.progress.start(ctx, w, last); err != nil {
		return err
	}
	if w.purged, err = w.numbers.Purged(ctx); err != nil {
		return err
	}
	w.reader = stream.NewReader(w.Events, len(checkpoints))
	w.reader.Trouble = w.Trouble
	w.reader.Check = w.check
	w.observed.reader.Store(w.reader)
	return nil
}

// logStored says what a run that ends in order leaves stored.
func (w *Worker) logStored(ran, stopping time.Duration) {
	messages, users := w.stored.Load(), 0
	for _, l := range w.awake() {
		messages += l.taken
		users += l.held.Load().known
	}
	w.Log.Info("stopped, all is stored", zap.Uint64("messages", messages), zap.Int("users", users),
		zap.Duration("ran", ran.Round(time.Millisecond)), zap.Duration("stopping", stopping.Round(time.Millisecond)))
}
