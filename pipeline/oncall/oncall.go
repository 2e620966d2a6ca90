// Package oncall watches the numbers for people: it reads what was counted, has it judged, keeps a log of what is said, and
// hands each new message on to be sent.
//
// It holds no state that a restart could lose: incidents are judged anew from the counts, and what was said is in the log. One
// worker at a time does this; two would say the same.
package oncall

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/stream"
	"firstlight/sinks/clickhouse"
)

// Watcher evaluates a catalog's anomalies, again and again.
type Watcher struct {
	Catalog *catalog.Catalog
	Store   *clickhouse.Store
	Lease   *stream.Lease
	Tell    func([]anomaly.Message)       // takes messages to be sent; told again after a restart
	Link    func(*anomaly.Message) string // where to look at a message's numbers; may be nil
	Health  func(now time.Time) anomaly.Health
	Last    func(context.Context) (*anomaly.Message, error) // newest message sent about the pipeline itself, nil for none
	Log     *zap.Logger

	leads     bool
	evaluated time.Time // as_of of the last evaluation
	pipeline  anomaly.Pipeline
	unwritten []anomaly.Message // of the pipeline, while ClickHouse is away
}

const (
	tick = 2 * time.Second
	// every is how much of the stream's time passes between two evaluations: windows are judged minutes after they end.
	every = time.Minute
	// remembered is how long what was said is handed on again after a restart, to be sent where it was not.
	remembered = 7 * 24 * time.Hour
	// patience for one evaluation.
	patience = 2 * time.Minute
)

// Run evaluates until ctx ends.
func (w *Watcher) Run(ctx context.Context) error {
	timer := time.NewTicker(tick)
	defer timer.Stop()
	defer w.release()
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

func (w *Watcher) release() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := w.Lease.Release(ctx); err != nil {
		w.Log.Debug("the lease ends by itself", zap.Error(err))
	}
}

// turn evaluates when this worker leads and the stream has moved on.
func (w *Watcher) turn(ctx context.Context) error {
	held, err := w.Lease.Hold(ctx)
	switch {
	case err != nil && w.leads: // NATS is away, which is for the leader to say
		w.watchPipeline(time.Now())
		return err
	case err != nil:
		return err
	case !held:
		w.leads = false
		return nil
	case !w.leads:
		if err := w.take(ctx); err != nil {
			return err
		}
	}
	w.watchPipeline(time.Now())
	if err := w.writePipeline(ctx); err != nil {
		return err
	}
	asOf, err := w.Store.Now(ctx)
	if err != nil {
		return fmt.Errorf("read as_of: %w", err)
	}
	if !w.evaluated.IsZero() && asOf.Sub(w.evaluated) < every {
		return nil
	}
	return w.Evaluate(ctx)
}

// take begins to lead. What was said lately and what is open is handed on again: whoever said it may have died before it was
// sent.
func (w *Watcher) take(ctx context.Context) error {
	messages, err := w.Store.MessagesSince(ctx, time.Now().Add(-remembered))
	if err != nil {
		return err
	}
	last, err := w.Last(ctx)
	if err != nil {
		return err
	}
	w.pipeline = anomaly.Pipeline{Last: last}
	w.Tell(messages)
	w.leads, w.evaluated = true, time.Time{}
	return nil
}

// watchPipeline says when numbers stand still. It needs nothing but memory: what it says is written to the log later.
func (w *Watcher) watchPipeline(now time.Time) {
	m := w.pipeline.Step(w.Health(now))
	if m == nil {
		return
	}
	w.unwritten = append(w.unwritten, *m)
	w.Tell([]anomaly.Message{*m})
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
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	asOf, err := w.Store.Now(ctx)
	if err != nil || asOf.Unix() <= 0 {
		return err
	}
	evidence, err := w.Store.Evidence(ctx, w.Catalog, w.lookback(asOf))
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
		w.Tell(messages)
	}
	w.evaluated = asOf
	return w.Store.SetJudged(ctx, asOf)
}

// lookbackDays of counts are judged: the history that series are compared with, twice and some. It starts with a month, so that
// it does not move every day.
const lookbackDays = 120

func (w *Watcher) lookback(asOf time.Time) calendar.Day {
	cal := calendar.New(w.Catalog.Location, w.Catalog.WeekStart)
	first, _ := cal.Month(cal.DayOf(asOf.Unix()) - lookbackDays)
	return first
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

// explain adds what segments and links say, and returns the messages.
func (w *Watcher) explain(ctx context.Context, news []anomaly.News) ([]anomaly.Message, error) {
	var messages []anomaly.Message
	for i := range news {
		n := &news[i]
		last := i+1 == len(news) || news[i+1].Message.Incident != n.Message.Incident
		if q, ok := n.Question(); ok && (last || n.Message.State == anomaly.Opened) { // what lies between is history by now
			splits, err := w.Store.Splits(ctx, w.Catalog, q)
			if err != nil {
				return nil, err
			}
			n.Explain(splits)
		}
		if w.Link != nil {
			n.Message.Link = w.Link(&n.Message)
		}
		messages = append(messages, n.Message)
	}
	return messages, nil
}
