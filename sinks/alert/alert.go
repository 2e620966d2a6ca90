// Package alert brings incident messages to people and programs: the JetStream stream ANOMALIES, Alertmanager,
// PagerDuty, Slack and a webhook.
//
// Whoever judges incidents keeps all messages and tells them here, after a start those of the last days once more. A
// ledger in JetStream remembers per destination how far each incident is: so every destination ends in the newest
// state whatever crashes, and nothing is sent more often than needed. Destinations share nothing: a slow one delays
// no other.
package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
)

// openPatience bounds how long New waits for JetStream.
const openPatience = 10 * time.Second

// Alerts delivers messages. One instance lives as long as its owner is the one that judges incidents: it reads the
// ledger once, in New.
type Alerts struct {
	couriers []*courier
	stream   *streamDestination
}

// New creates what JetStream has to hold (the stream ANOMALIES and the ledger), and reads what was delivered.
func New(cfg Config, js jetstream.JetStream, log *zap.Logger) (*Alerts, error) {
	cfg.fill()
	if cfg.Trouble == nil {
		cfg.Trouble = trouble.NewBoard(log)
	}
	destinations, err := cfg.destinations(js)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), openPatience)
	defer cancel()
	if _, err := stream.EnsureAnomalies(ctx, js); err != nil {
		return nil, err
	}
	kv, err := ensureLedger(ctx, js)
	if err != nil {
		return nil, err
	}
	a := &Alerts{stream: destinations[0].(*streamDestination)}
	made := &atomic.Uint64{}
	for _, d := range destinations {
		book := &ledger{js: js, kv: kv, made: made, prefix: keyToken(cfg.Identity) + "." + keyToken(d.key()) + ".", patience: ledgerPatience}
		if err := book.load(ctx); err != nil {
			return nil, err
		}
		a.couriers = append(a.couriers, newCourier(&cfg, d, book, log))
	}
	return a, nil
}

// Tell takes messages to deliver, those of an incident in the order of their seq. It does not block, and telling a
// message again is harmless.
func (a *Alerts) Tell(messages []anomaly.Message) {
	copies := slices.Clone(messages)
	for _, c := range a.couriers {
		c.take(copies)
	}
}

// Run delivers until ctx ends, and for a moment longer what can be delivered at once.
func (a *Alerts) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, c := range a.couriers {
		all.Go(func() { c.run(ctx) })
	}
	all.Wait()
	return nil
}

// Flush waits until every destination has taken or withheld all that was told. It needs a Run beside it.
func (a *Alerts) Flush(ctx context.Context) error {
	var late []string
	for _, c := range a.couriers {
		select {
		case <-c.drained():
			continue
		default:
		}
		select {
		case <-c.drained():
		case <-ctx.Done():
			late = append(late, c.behind())
		}
	}
	if len(late) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w", strings.Join(late, "; "), context.Cause(ctx))
}

// StandingOpen returns the incidents that stand open at some destination, so that their newest message can be told even
// when it is old.
func (a *Alerts) StandingOpen() []string {
	open := map[string]bool{}
	for _, c := range a.couriers {
		for _, incident := range c.book.open() {
			open[incident] = true
		}
	}
	return sortedKeys(open)
}

// Last returns the newest message about a metric that is on the stream, nil when there is none. Tests are none.
func (a *Alerts) Last(ctx context.Context, metric string) (*anomaly.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, openPatience)
	defer cancel()
	m, err := a.stream.newestOf(ctx, metric)
	if err != nil {
		return nil, fmt.Errorf("read the last message about %s: %w", metric, err)
	}
	return m, nil
}

// Result is what became of a test message at one destination.
type Result struct {
	Destination string
	Setting     string // what configures it
	Configured  bool
	Sent        string // what was sent, in words
	Answer      string // of the server
	Took        time.Duration
	Err         error
}

// Test sends m, marked as a test, to everything that is configured. js may be nil: then noJS says why.
func Test(ctx context.Context, cfg Config, js jetstream.JetStream, noJS error, m anomaly.Message) ([]Result, error) {
	cfg.fill()
	if js == nil && noJS == nil {
		return nil, errors.New("there is no connection to JetStream")
	}
	destinations, err := cfg.destinations(js)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(destinations))
	var all sync.WaitGroup
	for i, d := range destinations {
		all.Go(func() {
			r := &results[i]
			*r = Result{Destination: d.name(), Setting: d.setting(), Configured: true}
			start := time.Now()
			if d.name() == streamName {
				if r.Err = noJS; r.Err == nil {
					_, r.Err = stream.EnsureAnomalies(ctx, js)
				}
			}
			if r.Err == nil {
				r.Sent, r.Answer, r.Err = d.test(ctx, &m)
			}
			r.Took = time.Since(start)
		})
	}
	all.Wait()
	return append(results, cfg.missing()...), nil
}

// testMetric is no metric: a test inhibits nothing, and is no news about the pipeline.
const testMetric = "firstlight_test"

// TestMessage returns a message that says it is a test.
func TestMessage(now time.Time, severity anomaly.Severity, link string) anomaly.Message {
	now = now.UTC().Truncate(time.Millisecond)
	return anomaly.Message{
		Incident: fmt.Sprintf("test-%d", now.UnixMilli()), Seq: 1, At: now, State: anomaly.Opened, Reason: anomaly.BelowLimit, Severity: severity,
		Title: "TEST: a message from Firstlight", Summary: "This is a test of how messages get here; nothing is wrong and nothing has to be done.",
		Test: true, OpenedAt: now,
		Metric:      anomaly.MetricInfo{Name: testMetric, Kind: "pipeline", Objective: "Messages that get here", Action: "Nothing: this is a test"},
		WindowStart: now.Truncate(time.Hour), WindowEnd: now.Truncate(time.Hour).Add(time.Hour), Window: "1h", Unit: anomaly.Events,
		Method: "test", SQL: "SELECT * FROM pipeline_progress", Link: link,
	}
}
