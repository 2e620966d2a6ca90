package alert_test

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/stream/streamtest"
	"firstlight/sinks/alert"
)

const patience = 2 * time.Minute

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}

// connect returns JetStream of a server of its own.
func connect(t *testing.T) jetstream.JetStream {
	t.Helper()
	_, js := streamtest.Connect(t)
	return js
}

// life is an Alerts that runs.
type life struct {
	*alert.Alerts
	t    *testing.T
	log  *observer.ObservedLogs
	end  context.CancelFunc
	done chan struct{}
}

// begin starts an Alerts. prepare may change it before it runs.
func begin(t *testing.T, cfg alert.Config, js jetstream.JetStream, prepare ...func(*alert.Alerts)) *life {
	t.Helper()
	core, seen := observer.New(zap.DebugLevel)
	a, err := alert.New(cfg, js, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	a.RetryAfter(time.Millisecond)
	for _, p := range prepare {
		p(a)
	}
	ctx, end := context.WithCancel(context.Background())
	l := &life{Alerts: a, t: t, log: seen, end: end, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(l.stop)
	return l
}

func (l *life) stop() {
	l.end()
	<-l.done
}

// deliver tells messages and waits until they are dealt with.
func (l *life) deliver(messages ...anomaly.Message) {
	l.t.Helper()
	l.Tell(messages)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := l.Flush(ctx); err != nil {
		l.t.Fatal(err)
	}
}

// idle reports whether all that was told is dealt with.
func (l *life) idle() bool {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return l.Flush(ctx) == nil
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
		<-time.After(2 * time.Millisecond)
	}
}

// later moves the clock on by steps until a condition holds. One step need not be enough: a courier that is just setting its timer
// sets it from the later time.
func later(t *testing.T, clock *clockwork.FakeClock, step time.Duration, what string, ok func() bool) {
	t.Helper()
	until(t, what, func() bool {
		clock.Advance(step)
		return ok()
	})
}

// request is what a recorder was sent.
type request struct {
	path   string
	header http.Header
	body   []byte
}

func (r *request) json(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal(r.body, &v); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	return v
}

// recorder is an HTTP server that answers what a test wants, and remembers.
type recorder struct {
	*httptest.Server
	mu       sync.Mutex
	requests []request
	answer   func(n int, w http.ResponseWriter) // n from 1; nil: status
	status   int
}

func record(t *testing.T, status int, answer func(n int, w http.ResponseWriter)) *recorder {
	r := &recorder{answer: answer, status: status}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.requests = append(r.requests, request{req.URL.Path, req.Header, body})
		n, f := len(r.requests), r.answer
		r.mu.Unlock()
		if f == nil {
			w.WriteHeader(r.status)
			return
		}
		f(n, w)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) seen() []request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]request(nil), r.requests...)
}

// now is near the real time: Alertmanager has its own clock.
func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

func fakeClock() *clockwork.FakeClock { return clockwork.NewFakeClockAt(now()) }

// message returns a message of an incident.
func message(incident string, seq uint64, state anomaly.State, severity anomaly.Severity) anomaly.Message {
	at := now().Add(-time.Hour).Add(time.Duration(seq) * time.Minute)
	value, expected, low, high, lost := 0.18, 0.25, 0.21, 0.29, 28.0
	return anomaly.Message{
		Incident: incident, Seq: seq, At: at, State: state, Reason: anomaly.BelowLimit, Severity: severity,
		Title: "Activation is low " + incident, Summary: "Activation within 24 h is 18 % (75 of 412), expected 25 %.", OpenedAt: now().Add(-time.Hour),
		Metric: anomaly.MetricInfo{
			Name: "activated", Kind: "activation", Cohort: "signup", Owner: "growth@acme.example", Objective: "More teams that stay", Direction: "up",
			Action: "Call the five newest stalled teams", Runbook: "https://wiki.acme.example/activation", Labels: map[string]string{"team": "growth"},
		},
		Window: "1d", WindowStart: at.Truncate(24 * time.Hour), WindowEnd: at.Truncate(24 * time.Hour).Add(24 * time.Hour), AgeSeconds: 86400,
		K: 75, N: 412, Value: &value, Unit: anomaly.Share, Expected: &expected, ExpectedLow: &low, ExpectedHigh: &high, UsersLost: &lost,
		Method: "guardrail", SQL: "SELECT rate FROM activation_by_entry_window", Link: "https://firstlight.acme.example/incidents/" + incident,
		Explained: true, Contributors: []anomaly.Contributor{{Segment: "channel", Value: "ads", K: 5, N: 100, Rate: 0.05, Expected: 0.24, RateEffect: -0.05, Explains: 0.8}},
	}
}

func config() alert.Config { return alert.Config{Product: "acme", Identity: "firstlight"} }
