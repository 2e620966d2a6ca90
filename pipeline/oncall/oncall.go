// Package oncall watches the numbers for people: it reads what was counted, has it judged, keeps a log of what is said, and
// hands each new message on to be sent.
//
// It holds no state that a restart could lose: incidents are judged anew from the counts, and what was said is in the log. One
// worker at a time does this; two would say the same.
//
// Goroutines: Run is one, and while this worker leads, the delivery's Run is another.
package oncall

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
	"firstlight/sinks/clickhouse"
)

// Delivery brings messages to where they go. Being told one again is harmless.
type Delivery interface {
	Tell(messages []anomaly.Message)
	Run(ctx context.Context) error
	Flush(ctx context.Context) error // waits until what was told is delivered
	StandingOpen() []string          // incidents that stand open where messages go
	Last(ctx context.Context, metric string) (*anomaly.Message, error)
}

// Watcher evaluates a catalog's anomalies, again and again, while it holds the lease.
type Watcher struct {
	Catalog *catalog.Catalog
	Store   *clickhouse.Store
	Lease   *stream.Lease
	Deliver func() (Delivery, error)       // opened when this worker begins to lead
	Link    func(*anomaly.Message) string  // where to look at a message's numbers, empty for nowhere
	Health  func(time.Time) anomaly.Health // of the processing
	History History
	Reads   func() bool // whether this worker reads the stream, so that it notices imports; nil: it does
	PerDay  int         // messages of one incident a day; 0: anomaly.DefaultPerDay
	Reviews Reviews     // where reviews of the week go; nil: nowhere
	Log     *zap.Logger
	Trouble *trouble.Board // what fails; nil: one of its own

	began     atomic.Int64 // Unix ns of the wall clock when the turn that goes on began; 0: none does
	failing   atomic.Pointer[failing]
	judged    atomic.Int64 // Unix ns of the wall clock when a turn last succeeded
	loading   loading
	delivery  Delivery // while this worker leads
	stop      func()   // ends the delivery
	evaluated time.Time
	notes     uint64 // version of the annotations that were judged by
	pipeline  anomaly.Pipeline
	unwritten []anomaly.Message // of the pipeline, while ClickHouse is away

	reviewed     time.Time // the week whose reviews this worker knows to be sent
	reviewFailed time.Time // wall clock; zero: they did not fail
}

const (
	tick = 2 * time.Second
	// every is how much of the stream's time passes between two evaluations: windows are judged minutes after they end.
	every = time.Minute
	// farBehind is how many messages may wait for evaluations to go on: then the numbers are of long ago, and the engine busy.
	farBehind = 100_000
	// remembered is how long what was said is handed on again after a restart, to be sent where it was not.
	remembered = 7 * 24 * time.Hour
	// patience with one evaluation, and with messages that are to be delivered before the process ends.
	patience      = 2 * time.Minute
	unwell        = 5 * time.Minute // without a turn that succeeded
	flushPatience = 15 * time.Second
)

// Healthy reports whether anomalies were judged lately. It is safe for concurrent use.
func (w *Watcher) Healthy() bool { return time.Since(time.Unix(0, w.judged.Load())) < unwell }

// Run evaluates until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	timer := time.NewTicker(tick)
	defer timer.Stop()
	defer w.rest()
	if w.Trouble == nil {
		w.Trouble = trouble.NewBoard(w.Log)
	}
	for {
		w.began.Store(time.Now().UnixNano())
		err := w.turn(ctx)
		w.began.Store(0)
		if err == nil || ctx.Err() == nil {
			w.note(err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

// failing is that turns fail, since when, and why.
type failing struct {
	since time.Time
	why   error
}

const judging = "judging incidents"

// note takes note of how a turn ended.
func (w *Watcher) note(err error) {
	at := trouble.PlaceOf(err, trouble.ClickHouse)
	for _, place := range []string{trouble.ClickHouse, trouble.NATS} {
		if err == nil {
			w.Trouble.Report(place, judging, nil)
		} else if place != at {
			w.Trouble.Forget(place, judging)
		}
	}
	if err == nil {
		w.failing.Store(nil)
		return
	}
	w.Trouble.Report(at, judging, err)
	f := &failing{time.Now(), err}
	if before := w.failing.Load(); before != nil {
		f.since = before.since
	}
	w.failing.Store(f)
}

// Unjudged returns since when incidents could not be judged, and why; a nil error when they can, by this worker or the one that
// leads. It is safe for concurrent use.
func (w *Watcher) Unjudged() (since time.Time, why error) {
	if f := w.failing.Load(); f != nil {
		return f.since, f.why
	}
	if began := time.Unix(0, w.began.Load()); began.Unix() != 0 && time.Since(began) > patience {
		return began, errors.New("judging takes too long")
	}
	return time.Time{}, nil
}

// Once evaluates a single time and waits a while until what is new is delivered. When another worker leads, it leaves it to that.
func (w *Watcher) Once(ctx context.Context) error {
	defer w.rest()
	held, err := w.holdSoon(ctx)
	if err != nil || !held {
		return err
	}
	if err := w.lead(ctx); err != nil {
		return err
	}
	if err := w.Evaluate(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, flushPatience)
	defer cancel()
	if err := w.delivery.Flush(ctx); err != nil {
		w.Log.Warn("some messages could not be delivered, the next run sends them", zap.Error(err))
	}
	return nil
}

// holdSoon tries for as long as a lease lives whose holder has died.
func (w *Watcher) holdSoon(ctx context.Context) (bool, error) {
	timer := time.NewTicker(tick / 4)
	defer timer.Stop()
	for deadline := time.Now().Add(stream.LeaseTime + tick); ; {
		held, err := w.Lease.Hold(ctx)
		if err != nil || held || time.Now().After(deadline) {
			return held, err
		}
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// lead begins to lead. What was said lately and what is open is handed on again: whoever said it may have died before it was
// sent.
func (w *Watcher) lead(ctx context.Context) error {
	d, err := w.Deliver()
	if err != nil {
		return trouble.At(trouble.NATS, err)
	}
	messages, err := w.Store.MessagesSince(ctx, time.Now().Add(-remembered), d.StandingOpen())
	if err != nil {
		return err
	}
	last, err := d.Last(ctx, anomaly.PipelineMetric)
	if err != nil {
		return trouble.At(trouble.NATS, err)
	}
	if last != nil {
		messages = append(messages, *last)
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var done sync.WaitGroup
	done.Go(func() {
		if err := d.Run(running); err != nil {
			w.Log.Error("messages are not delivered any more", zap.Error(err))
		}
	})
	w.delivery, w.stop = d, func() { cancel(); done.Wait() }
	w.pipeline, w.evaluated = anomaly.Pipeline{Product: w.Catalog.Product, Last: last}, time.Time{}
	w.Log.Info("this worker judges incidents from here")
	d.Tell(messages)
	return nil
}

// stepDown ends leading.
func (w *Watcher) stepDown() {
	if w.delivery != nil {
		w.stop()
		w.delivery = nil
		w.Log.Info("this worker judges no incidents any more")
	}
}

// rest ends leading and lets another worker begin at once.
func (w *Watcher) rest() {
	w.stepDown()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := w.Lease.Release(ctx); err != nil {
		w.Log.Debug("the lease ends by itself", zap.Error(err))
	}
}

// turn does what is due.
func (w *Watcher) turn(ctx context.Context) error {
	if w.Reads != nil && !w.Reads() {
		w.rest()
		return nil
	}
	held, err := w.Lease.Hold(ctx)
	switch {
	case err != nil && w.delivery != nil: // NATS is away, which is for the leader to say
		w.pipelineHealth(time.Now())
		return trouble.At(trouble.NATS, err)
	case err != nil:
		return trouble.At(trouble.NATS, err)
	case !held:
		w.stepDown()
		return nil
	case w.delivery == nil:
		if err := w.lead(ctx); err != nil {
			return err
		}
	}
	health := w.pipelineHealth(time.Now())
	if err := w.writePipeline(ctx); err != nil {
		return err
	}
	asOf, err := w.Store.Now(ctx)
	if err != nil {
		return fmt.Errorf("read as_of: %w", err)
	}
	notes, err := w.Store.AnnotationsVersion(ctx)
	if err != nil {
		return err
	}
	waits := w.waits(time.Now())
	if !waits && health.Behind <= farBehind && (w.evaluated.IsZero() || asOf.Sub(w.evaluated) >= every || notes != w.notes) {
		if err := w.Evaluate(ctx); err != nil {
			return err
		}
		w.notes = notes // a note takes effect also while no event comes
	}
	if !waits && health.Behind <= farBehind {
		w.review(ctx, asOf, time.Now())
	}
	w.judged.Store(time.Now().UnixNano())
	return nil
}

// pipelineHealth says when numbers stand still. It needs nothing but memory: what it says is written to the log later.
func (w *Watcher) pipelineHealth(now time.Time) anomaly.Health {
	health := w.Health(now)
	if m := w.pipeline.Step(health); m != nil {
		w.unwritten = append(w.unwritten, *m)
		w.logSaid([]anomaly.Message{*m})
		w.delivery.Tell([]anomaly.Message{*m})
	}
	return health
}

func (w *Watcher) writePipeline(ctx context.Context) error {
	if len(w.unwritten) == 0 {
		return nil
	}
	if err := w.Store.WriteMessages(ctx, w.unwritten); err != nil {
		return err
	}
	w.unwritten = nil
	return nil
}

// Evaluate judges everything once, writes what is new to the log, and hands it on. When an import began meanwhile, what was read
// may be half of it, and nothing is said.
func (w *Watcher) Evaluate(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("judging took too long"))
	defer cancel()
	asOf, err := w.Store.Now(ctx)
	if err != nil || asOf.Unix() <= 0 {
		return err
	}
	w.noteImport()
	since, from, err := w.Store.Judged(ctx)
	if err != nil {
		return err
	}
	if back := anomaly.Lookback(w.Catalog, asOf.Unix()); from == 0 || from > back {
		from = back
	}
	evidence, err := w.Store.Evidence(ctx, w.Catalog, from)
	if err != nil {
		return err
	}
	// What was read may be of definitions that came in force a moment ago: whoever judges by those is about to begin.
	if is, err := w.Store.Shows(ctx, w.Catalog); err != nil || !is {
		return err
	}
	asOf = time.Unix(evidence.AsOf, 0).UTC()
	if why := w.History.Loading(); why != "" && !w.loading.impatient {
		w.Log.Info("anomalies are judged later", zap.String("because", why))
		return nil
	}
	if began := w.loading.from; !began.IsZero() && began.Before(since) { // what an import shows is news, however long ago it was
		since = began
	}
	told, err := w.Store.NewestMessages(ctx, asOf.AddDate(-1, 0, 0))
	if err != nil {
		return err
	}
	news, from := anomaly.Evaluate(w.Catalog, evidence, anomaly.Told{Newest: told, Since: since, PerDay: w.PerDay})
	messages, err := w.explain(ctx, news)
	if err != nil {
		return err
	}
	if len(messages) > 0 {
		if err := w.Store.WriteMessages(ctx, messages); err != nil {
			return err
		}
		w.logSaid(messages)
		w.delivery.Tell(messages)
	}
	if err := w.Store.SetJudged(ctx, asOf, from); err != nil {
		return err
	}
	if err := w.followUp(ctx, asOf); err != nil {
		return err
	}
	w.evaluated, w.loading = asOf, loading{}
	return nil
}

// bySegments adds what segments and users say, where they can say something.
func (w *Watcher) bySegments(ctx context.Context, n *anomaly.News) (err error) {
	questions := n.Questions()
	if len(questions) == 0 {
		return nil
	}
	answers := make([][]anomaly.Split, len(questions))
	for i, q := range questions {
		if answers[i], err = w.Store.Splits(ctx, w.Catalog, q); err != nil {
			return err
		}
	}
	n.Explain(answers[0], answers[1:]...)
	n.Message.ExampleUsers, err = w.Store.Examples(ctx, w.Catalog, questions[0])
	return err
}

// explain adds what segments, users and links say, and returns the messages. What lies between the first and the newest message
// of an incident is history already.
func (w *Watcher) explain(ctx context.Context, news []anomaly.News) ([]anomaly.Message, error) {
	messages := make([]anomaly.Message, 0, len(news))
	for i := range news {
		n := &news[i]
		newest := i+1 == len(news) || news[i+1].Message.Incident != n.Message.Incident
		if newest || n.Message.State == anomaly.Opened {
			if err := w.bySegments(ctx, n); err != nil {
				return nil, err
			}
		}
		if w.loading.impatient {
			n.Message.Flags = append(n.Message.Flags, "an import is running: what it has not loaded yet may change this")
		}
		n.Message.Link = w.Link(&n.Message)
		messages = append(messages, n.Message)
	}
	return messages, nil
}
