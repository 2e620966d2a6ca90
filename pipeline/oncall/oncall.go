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
	"firstlight/sinks/clickhouse"
)

// Delivery brings messages to where they go. Being told one again is harmless.
type Delivery interface {
	Tell(messages []anomaly.Message)
	Run(ctx context.Context) error
	Flush(ctx context.Context) error // waits until what was told is delivered
	Unsettled() []string             // incidents that stand open where messages go
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
	Log     *zap.Logger

	judged    atomic.Int64 // Unix ns of the wall clock when a turn last succeeded
	delivery  Delivery     // while this worker leads
	stop      func()       // ends the delivery
	evaluated time.Time
	pipeline  anomaly.Pipeline
	unwritten []anomaly.Message // of the pipeline, while ClickHouse is away
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
	for {
		if err := w.turn(ctx); err != nil && ctx.Err() == nil {
			w.Log.Warn("anomalies could not be judged, trying again", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
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
		return err
	}
	messages, err := w.Store.MessagesSince(ctx, time.Now().Add(-remembered), d.Unsettled())
	if err != nil {
		return err
	}
	last, err := d.Last(ctx, anomaly.PipelineMetric)
	if err != nil {
		return err
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
	d.Tell(messages)
	return nil
}

// follow ends leading.
func (w *Watcher) follow() {
	if w.delivery != nil {
		w.stop()
		w.delivery = nil
	}
}

// rest ends leading and lets another worker begin at once.
func (w *Watcher) rest() {
	w.follow()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := w.Lease.Release(ctx); err != nil {
		w.Log.Debug("the lease ends by itself", zap.Error(err))
	}
}

// turn does what is due.
func (w *Watcher) turn(ctx context.Context) error {
	held, err := w.Lease.Hold(ctx)
	switch {
	case err != nil && w.delivery != nil: // NATS is away, which is for the leader to say
		w.watchPipeline(time.Now())
		return err
	case err != nil:
		return err
	case !held:
		w.follow()
		return nil
	case w.delivery == nil:
		if err := w.lead(ctx); err != nil {
			return err
		}
	}
	health := w.watchPipeline(time.Now())
	if err := w.writePipeline(ctx); err != nil {
		return err
	}
	asOf, err := w.Store.Now(ctx)
	if err != nil {
		return fmt.Errorf("read as_of: %w", err)
	}
	if health.Behind <= farBehind && (w.evaluated.IsZero() || asOf.Sub(w.evaluated) >= every) {
		if err := w.Evaluate(ctx); err != nil {
			return err
		}
	}
	w.judged.Store(time.Now().UnixNano())
	return nil
}

// watchPipeline says when numbers stand still. It needs nothing but memory: what it says is written to the log later.
func (w *Watcher) watchPipeline(now time.Time) anomaly.Health {
	health := w.Health(now)
	if m := w.pipeline.Step(health); m != nil {
		w.unwritten = append(w.unwritten, *m)
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

// Evaluate judges everything once, writes what is new to the log, and hands it on.
func (w *Watcher) Evaluate(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, errors.New("judging took too long"))
	defer cancel()
	asOf, err := w.Store.Now(ctx)
	if err != nil || asOf.Unix() <= 0 {
		return err
	}
	evidence, err := w.Store.Evidence(ctx, w.Catalog, anomaly.Lookback(w.Catalog, asOf.Unix()))
	if err != nil {
		return err
	}
	asOf = time.Unix(evidence.AsOf, 0).UTC()
	news, err := w.compare(ctx, evidence, asOf)
	if err != nil {
		return err
	}
	messages, err := w.explain(ctx, news)
	if err != nil {
		return err
	}
	if len(messages) > 0 {
		if err := w.Store.WriteMessages(ctx, messages); err != nil {
			return err
		}
		w.delivery.Tell(messages)
	}
	if err := w.Store.SetJudged(ctx, asOf); err != nil {
		return err
	}
	w.evaluated = asOf
	return nil
}

// compare holds the incidents that there are against what was said.
func (w *Watcher) compare(ctx context.Context, e *anomaly.Evidence, asOf time.Time) ([]anomaly.News, error) {
	since, err := w.Store.Judged(ctx)
	if err != nil {
		return nil, err
	}
	told, err := w.Store.NewestMessages(ctx, asOf.AddDate(-1, 0, 0))
	if err != nil {
		return nil, err
	}
	return anomaly.Compare(anomaly.Judge(w.Catalog, e), told, asOf, since), nil
}

// explain adds what segments, users and links say, and returns the messages. What lies between the first and the newest message
// of an incident is history already.
func (w *Watcher) explain(ctx context.Context, news []anomaly.News) ([]anomaly.Message, error) {
	messages := make([]anomaly.Message, 0, len(news))
	for i := range news {
		n := &news[i]
		newest := i+1 == len(news) || news[i+1].Message.Incident != n.Message.Incident
		if q, ok := n.Question(); ok && (newest || n.Message.State == anomaly.Opened) {
			splits, err := w.Store.Splits(ctx, w.Catalog, q)
			if err != nil {
				return nil, err
			}
			n.Explain(splits)
			if n.Message.ExampleUsers, err = w.Store.Examples(ctx, w.Catalog, q); err != nil {
				return nil, err
			}
		}
		n.Message.Link = w.Link(&n.Message)
		messages = append(messages, n.Message)
	}
	return messages, nil
}
