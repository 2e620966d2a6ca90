// Package worker is the processor: it reads the event stream, joins events into users' facts, folds facts into
// cells, and flushes both to ClickHouse, partition by partition, so that a crash at any moment changes no number.
//
// Goroutines: one reader, one per partition with at most one write in flight each (life), one for progress. All
// of them end before Run returns.
package worker

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
	"firstlight/sinks/clickhouse"
)

// Worker processes all partitions of a stream.
type Worker struct {
	Catalog       *catalog.Catalog
	Partitions    int
	FlushInterval time.Duration
	Rebuild       bool // drop what was computed and start from the stream's start
	Drain         bool // end once all that the stream held at start is stored
	Events        jetstream.Stream
	Dead          *stream.DeadLetters
	Store         *clickhouse.Store
	Log           *zap.Logger
	Flushed       func(took time.Duration) // told of every snapshot stored; may be nil

	lives    []*life
	reader   *stream.Reader
	progress progress
	observed observed
	limits   *limits                  // tests set smaller ones; nil for defaultLimits
	fault    func(write string) error // tests crash before a write here; nil otherwise
}

// Refusal is why a worker does not start: its message says what to do.
type Refusal struct{ Reason string }

func (r *Refusal) Error() string { return r.Reason }

// shutdownTime bounds the last flush after the context ended.
const shutdownTime = 8 * time.Second

// Run processes the stream until ctx ends, or when Drain is set until the stream is drained. It returns a
// *Refusal when what is stored belongs to something else.
func (w *Worker) Run(ctx context.Context) error {
	err := w.run(ctx)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // stopped before it took its first message
	}
	return err
}

func (w *Worker) run(ctx context.Context) error {
	checkpoints, err := w.open(ctx)
	if err != nil {
		return err
	}
	partitions, err := w.recoverAll(ctx, checkpoints)
	if err != nil {
		return err
	}
	writing, stopWriting := context.WithCancel(context.WithoutCancel(ctx))
	defer stopWriting()
	taking, stopTaking := context.WithCancel(ctx)
	defer stopTaking()
	context.AfterFunc(taking, func() { time.AfterFunc(shutdownTime, stopWriting) })

	if err := w.prepare(ctx, partitions, writing); err != nil {
		return err
	}
	group, running := errgroup.WithContext(taking)
	for _, l := range w.lives {
		group.Go(func() error { return l.run(running) })
	}
	group.Go(func() error { return w.reader.Run(running) })
	group.Go(func() error {
		defer stopTaking()
		return w.reportUntilDone(running)
	})
	if err := group.Wait(); err != nil {
		return err
	}
	return w.report(writing)
}

// prepare sets up the reader and the lives of recovered partitions.
func (w *Worker) prepare(ctx context.Context, partitions []*partition, writing context.Context) error {
	limit := defaultLimits
	if w.limits != nil {
		limit = *w.limits
	}
	w.lives = nil
	var inputs []chan<- stream.Item
	from, clock := partitions[0].applied, int64(0)
	for _, p := range partitions {
		from = min(from, p.applied)
	}
	for _, p := range partitions {
		l := newLife(p, w.FlushInterval, limit, func(s *snapshot) error { return w.timed(writing, s) })
		w.lives = append(w.lives, l)
		inputs = append(inputs, l.in)
		if p.applied == from { // the clock of one that is further ahead would overstate how far all are
			clock = max(clock, p.clock)
		}
	}
	live, last, err := w.newest(ctx)
	if err != nil {
		return err
	}
	w.reader = stream.NewReader(w.Events, stream.Mark{Sequence: from, Clock: clock, Live: live}, inputs)
	w.reader.Lost = func(err error) { w.Log.Warn("the consumer starts again", zap.Error(err)) }
	for _, l := range w.lives {
		l.applied = w.reader.Applied
	}
	if err := w.progress.start(ctx, w, last); err != nil {
		return err
	}
	lives := w.lives
	w.observed.lives.Store(&lives)
	return nil
}

// newest reports the stream's last sequence and whether its message came live. An empty stream is live.
func (w *Worker) newest(ctx context.Context) (live bool, last uint64, err error) {
	m, err := w.Events.GetLastMsgForSubject(ctx, ">")
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return true, 0, nil
	}
	if err != nil {
		return false, 0, fmt.Errorf("read the stream's newest message: %w", err)
	}
	_, imported := m.Header[event.ReceivedHeader]
	return !imported, m.Sequence, nil
}

// open returns the checkpoint of every partition, new ones where nothing is stored.
func (w *Worker) open(ctx context.Context) ([]clickhouse.Checkpoint, error) {
	info, err := w.Events.Info(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the stream's state: %w", err)
	}
	id := clickhouse.Identity{StreamCreated: info.Created.UnixMilli(), Partitions: uint16(w.Partitions), DefinitionHash: w.Catalog.Hash()}
	if w.Rebuild {
		w.Log.Info("rebuilding from the stream's start")
		if err := w.Store.Clear(ctx); err != nil {
			return nil, err
		}
	}
	if err := w.Store.WriteAgeEdges(ctx, cohort.AgeEdges); err != nil {
		return nil, err
	}
	checkpoints, err := w.Store.Checkpoints(ctx)
	if err != nil {
		return nil, err
	}
	if len(checkpoints) == 0 {
		return w.begin(ctx, id)
	}
	if err := w.continues(ctx, id, checkpoints, info); err != nil {
		return nil, err
	}
	return checkpoints, w.Store.SaveCatalog(ctx, w.Catalog, time.Now())
}

// begin stores the first checkpoints: from here on, rows belong to this stream and catalog.
func (w *Worker) begin(ctx context.Context, id clickhouse.Identity) ([]clickhouse.Checkpoint, error) {
	left, err := w.Store.HasLeftovers(ctx)
	if err != nil {
		return nil, err
	}
	if left {
		if err := w.Store.Clear(ctx); err != nil {
			return nil, err
		}
	}
	var checkpoints []clickhouse.Checkpoint
	for i := range w.Partitions {
		checkpoints = append(checkpoints, clickhouse.Checkpoint{Identity: id, Partition: uint16(i)})
	}
	if err := w.Store.SaveCatalog(ctx, w.Catalog, time.Now()); err != nil {
		return nil, err
	}
	return checkpoints, w.Store.WriteCheckpoints(ctx, checkpoints...)
}

// continues refuses to go on from checkpoints of another stream, partition count or catalog: frozen or mixed
// numbers are worse than none.
func (w *Worker) continues(ctx context.Context, id clickhouse.Identity, checkpoints []clickhouse.Checkpoint, info *jetstream.StreamInfo) error {
	const rebuild = "start with --rebuild to recompute from the stream's start"
	stored := checkpoints[0]
	switch {
	case stored.DefinitionHash != id.DefinitionHash:
		changed, err := w.Store.ChangedDefinitions(ctx, w.Catalog)
		if err != nil {
			return err
		}
		return &Refusal{fmt.Sprintf("the catalog defines other numbers than those stored (%s): %s, or restore the definition", strings.Join(changed, "; "), rebuild)}
	case stored.Partitions != id.Partitions:
		return &Refusal{fmt.Sprintf("FIRSTLIGHT_PARTITIONS is %d but the stored numbers have %d partitions: set it back, or %s", id.Partitions, stored.Partitions, rebuild)}
	case stored.StreamCreated != id.StreamCreated:
		return &Refusal{fmt.Sprintf("the stream %s was created at %s, the stored numbers come from one created at %s: %s, or use another FIRSTLIGHT_DATABASE",
			info.Config.Name, formatMs(id.StreamCreated), formatMs(stored.StreamCreated), rebuild)}
	case len(checkpoints) != int(stored.Partitions):
		return &Refusal{fmt.Sprintf("%d of %d partitions have a checkpoint: %s", len(checkpoints), stored.Partitions, rebuild)}
	}
	for _, c := range checkpoints {
		if c.AppliedSeq > info.State.LastSeq {
			return &Refusal{fmt.Sprintf("the stream %s ends at sequence %d but %d was applied already: it was rolled back or replaced; restore it, or %s",
				info.Config.Name, info.State.LastSeq, c.AppliedSeq, rebuild)}
		}
		if c.AppliedSeq+1 < info.State.FirstSeq && info.State.FirstSeq > 1 {
			w.Log.Warn("the stream has discarded messages that were not applied", zap.Uint16("partition", c.Partition),
				zap.Uint64("applied", c.AppliedSeq), zap.Uint64("first_stored", info.State.FirstSeq))
		}
	}
	return nil
}
