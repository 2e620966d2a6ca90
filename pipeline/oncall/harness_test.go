package oncall_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/oncall"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/stream/streamtest"
	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/migratedtest"
)

// harness is a real JetStream, a real ClickHouse database, and a watcher over both.
type harness struct {
	t        *testing.T
	nats     *nats.Conn
	js       jetstream.JetStream
	conn     driver.Conn
	database string
	store    *clickhouse.Store
	catalog  *catalog.Catalog
	lease    string
}

func newHarness(t *testing.T, catalogYAML string) *harness {
	t.Helper()
	h := &harness{t: t, lease: "evaluator"}
	h.nats, h.js = streamtest.Connect(t)
	h.conn, h.database = migratedtest.Database(t)
	h.store = clickhouse.NewStore(h.conn, h.database)
	var problems catalog.Problems
	if h.catalog, problems = catalog.Load([]byte(catalogYAML), kind.All); problems.Failed() {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	if _, err := stream.Ensure(t.Context(), h.js, "EVENTS"); err != nil {
		t.Fatal(err)
	}
	return h
}

func (h *harness) log() *zap.Logger { return zaptest.NewLogger(h.t, zaptest.Level(zap.WarnLevel)) }

// action is one event of the past.
type action struct {
	at         time.Time
	received   time.Time // zero: at
	source     string
	user, name string
	properties map[string]any
	live       bool // received when it is published
}

// publish stores events, received when they happened.
func (h *harness) publish(actions ...action) {
	h.t.Helper()
	for _, a := range actions {
		data, err := json.Marshal(map[string]any{"event": a.name, "userId": a.user, "timestamp": a.at.Format(time.RFC3339Nano), "properties": a.properties})
		if err != nil {
			h.t.Fatal(err)
		}
		if a.source == "" {
			a.source = "web"
		}
		if a.received.IsZero() {
			a.received = a.at
		}
		m := nats.NewMsg(event.Subject(a.source, a.user))
		m.Data = data
		if !a.live {
			m.Header.Set(event.ReceivedHeader, a.received.Format(time.RFC3339Nano))
		}
		if _, err := h.js.PublishMsgAsync(m, jetstream.WithStallWait(time.Minute)); err != nil {
			h.t.Fatal(err)
		}
	}
	select {
	case <-h.js.PublishAsyncComplete():
	case <-time.After(5 * time.Minute):
		h.t.Fatal("publishing takes over a minute")
	}
}

// drain processes everything the stream holds.
func (h *harness) drain() {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Minute)
	defer cancel()
	w := h.worker(ctx)
	w.Drain = true
	if err := w.Run(ctx); err != nil {
		h.t.Fatal(err)
	}
}

// worker returns what processes the stream.
func (h *harness) worker(ctx context.Context) *worker.Worker {
	h.t.Helper()
	events, err := h.js.Stream(ctx, "EVENTS")
	if err != nil {
		h.t.Fatal(err)
	}
	dead, err := stream.EnsureDead(ctx, h.js)
	if err != nil {
		h.t.Fatal(err)
	}
	return &worker.Worker{
		Catalog: h.catalog, Partitions: 2, FlushInterval: 20 * time.Millisecond, Events: events,
		Dead:  &stream.DeadLetters{JS: h.js, Stream: dead, Source: "EVENTS", MaxSize: int(h.nats.MaxPayload())},
		Store: h.store, Log: h.log(),
	}
}

// evaluate judges once, as a watcher that has just started, and returns what it says.
func (h *harness) evaluate() []anomaly.Message {
	h.t.Helper()
	w, d := h.watcher("test")
	if err := w.Once(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	return d.told
}

// news is what of a start's messages had not been said before.
func (h *harness) news(now, before []anomaly.Message) []anomaly.Message {
	var fresh []anomaly.Message
	for _, m := range now {
		if !slices.ContainsFunc(before, func(b anomaly.Message) bool { return b.ID() == m.ID() }) {
			fresh = append(fresh, m)
		}
	}
	return fresh
}

// annotate stores an annotation.
func (h *harness) annotate(body string) {
	h.t.Helper()
	a, reason, detail := annotation.Parse(&event.Message{Subject: "annotations.people", Data: []byte(body), Stored: monday.UnixMilli()})
	if reason != "" {
		h.t.Fatal(reason, detail)
	}
	if err := h.store.WriteAnnotations(h.t.Context(), 1, []clickhouse.AnnotationRow{{Annotation: a, Sequence: 1}}); err != nil {
		h.t.Fatal(err)
	}
	if err := h.store.WriteAnnotationPosition(h.t.Context(), clickhouse.AnnotationPosition{StreamCreated: 1, AppliedSeq: 1}); err != nil {
		h.t.Fatal(err)
	}
}

// watcher returns one with a delivery that only notes what it is told: sending has tests of its own.
func (h *harness) watcher(name string) (*oncall.Watcher, *noted) {
	h.t.Helper()
	lease, err := stream.NewLease(h.t.Context(), h.js, h.lease, name)
	if err != nil {
		h.t.Fatal(err)
	}
	d := &noted{}
	return &oncall.Watcher{
		Catalog: h.catalog, Store: h.store, Lease: lease, Log: h.log(), Deliver: func() (oncall.Delivery, error) { return d, nil },
		Link:   func(m *anomaly.Message) string { return "https://firstlight.example/?incident=" + m.Incident },
		Health: func(now time.Time) anomaly.Health { return anomaly.Health{Now: now, Moved: now, Written: now} }, History: complete{},
	}, d
}

// complete is the history of a stream that was drained.
type complete struct{}

func (complete) Loading() string     { return "" }
func (complete) ImportedFrom() int64 { return 0 }

// noted is a delivery that keeps what it is told.
type noted struct {
	mu   sync.Mutex
	told []anomaly.Message
}

func (n *noted) Tell(m []anomaly.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, m...)
}

func (n *noted) last() (m anomaly.Message) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.told) > 0 {
		m = n.told[len(n.told)-1]
	}
	return m
}

func (n *noted) count() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.told)
}

func (n *noted) Run(ctx context.Context) error                          { <-ctx.Done(); return nil }
func (n *noted) Flush(context.Context) error                            { return nil }
func (n *noted) StandingOpen() []string                                 { return nil }
func (n *noted) Last(context.Context, string) (*anomaly.Message, error) { return nil, nil }

// rows reads a query as text, one line a row.
func (h *harness) rows(query string) []string {
	h.t.Helper()
	r, err := h.conn.Query(h.t.Context(), "SELECT toString(tuple(*)) FROM ("+query+")")
	if err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
	defer r.Close()
	var all []string
	for r.Next() {
		var line string
		if err := r.Scan(&line); err != nil {
			h.t.Fatal(err)
		}
		all = append(all, line)
	}
	if err := r.Err(); err != nil {
		h.t.Fatalf("%s: %v", query, err)
	}
	return all
}

func user(day, i int) string { return fmt.Sprintf("u%d-%d", day, i) }

func (n *noted) all() []anomaly.Message {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.told)
}
