package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"firstlight/cmd/firstlight/health"
	"firstlight/pipeline/worker"
)

// The health command against the handler of a worker in every state.
func TestHealthCommand(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	seen, connected := worker.Observation{}, true
	o := &health.Worker{
		Connected: func() bool { return connected }, Observe: func() worker.Observation { return seen },
		Lasting: func() []string { return nil }, Now: func() time.Time { return now },
	}
	server := httptest.NewServer(handler(o, prometheus.NewRegistry(), http.NotFoundHandler()))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fresh := worker.Observation{Recovered: true, Alive: now, Reported: now}
	for _, c := range []struct {
		seen      worker.Observation
		connected bool
		path      string
		wrong     string // in the error; empty: healthy
	}{
		{fresh, true, "/healthz", ""},
		{fresh, true, "/readyz", ""},
		{fresh, false, "/healthz", ""},
		{fresh, false, "/readyz", "not connected to NATS"},
		{worker.Observation{}, true, "/healthz", ""},
		{worker.Observation{}, true, "/readyz", "not recovered yet"},
		{worker.Observation{Recovered: true, Alive: now.Add(-time.Minute), Reported: now}, true, "/healthz", "has not moved for 1m0s"},
		{fresh, true, "/nowhere", "404"},
	} {
		seen, connected = c.seen, c.connected
		for _, listen := range []string{"0.0.0.0:" + port, ":" + port, "127.0.0.1:" + port} {
			err := askHealth(t.Context(), "FIRSTLIGHT_HTTP_ADDR", listen, c.path)
			if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("%s of %+v at %s: %v, want %q", c.path, c.seen, listen, err, c.wrong)
			}
		}
	}
}

// TestStatusAsksTheWorker: status says what /readyz says, and nothing where no worker answers.
func TestStatusAsksTheWorker(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer(w, []string{"nobody judges"}, []string{"catching up: 3 messages to apply"})
	}))
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	address := server.Listener.Addr().String()
	for _, b := range []*backends{{settings: &Settings{HTTPAddr: address}}, {settings: &Settings{HTTPAddr: "off"}, peer: &addresses{HTTP: address}}} {
		if said := b.readiness(t.Context()); said == nil || fmt.Sprint(said.Wrong, said.Notes) != "[nobody judges] [catching up: 3 messages to apply]" {
			t.Errorf("%+v", said)
		}
	}
	server.Close()
	for _, listen := range []string{"", address, other.Listener.Addr().String()} {
		if said := (&backends{settings: &Settings{HTTPAddr: listen}}).readiness(t.Context()); said != nil {
			t.Errorf("%q: %+v", listen, said)
		}
	}
}

func TestHealthCommandRefuses(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	gone := server.Listener.Addr().String()
	server.Close()
	for listen, word := range map[string]string{"": "off", "8080": "FIRSTLIGHT_HTTP_ADDR", gone: "no answer"} {
		if err := askHealth(t.Context(), "FIRSTLIGHT_HTTP_ADDR", listen, "/healthz"); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, want %q", listen, err, word)
		}
	}
}

// TestReady: /readyz is 503 with every reason whenever messages of a partition wait and nothing of it is stored for ten seconds, or
// incidents cannot be judged; catching up, and what fails beside the numbers, is ready and said.
func TestReady(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	partition := func(id uint16, lag uint64, waits time.Time) worker.PartitionObservation {
		return worker.PartitionObservation{Accounts: worker.Checkpoint{Partition: id}, Lag: lag, WaitsSince: waits}
	}
	for _, c := range []struct {
		name       string
		partitions []worker.PartitionObservation
		elsewhere  []worker.Elsewhere
		unleased   time.Time
		patience   time.Duration
		failing    time.Time // since when incidents cannot be judged
		lasting    []string
		wrong      []string
		notes      []string
	}{
		{name: "all is stored", partitions: []worker.PartitionObservation{partition(0, 0, time.Time{})}},
		{
			name: "catching up", partitions: []worker.PartitionObservation{partition(0, 7, ago(2)), partition(1, 5, ago(1))},
			notes: []string{"catching up: 12 messages to apply"},
		},
		{
			name: "one stands still", partitions: []worker.PartitionObservation{partition(0, 0, time.Time{}), partition(1, 5, ago(12))},
			lasting: []string{"ClickHouse fails for 12s: cells of partition 1: no grant"},
			wrong:   []string{"nothing was stored of partitions [1] of 2 for 12s, 5 messages waiting", "ClickHouse fails for 12s: cells of partition 1: no grant"},
			notes:   []string{"catching up: 5 messages to apply"},
		},
		{
			name: "flushes are rare", partitions: []worker.PartitionObservation{partition(0, 5, ago(12))}, patience: time.Minute,
			notes: []string{"catching up: 5 messages to apply"},
		},
		{
			name: "others work", partitions: []worker.PartitionObservation{partition(0, 0, time.Time{})},
			elsewhere: []worker.Elsewhere{{Partition: 1, Holder: "b/7", Running: true, Lag: 3, StillSince: ago(1)}, {Partition: 2, StillSince: ago(4)}},
			notes:     []string{"catching up: 3 messages to apply"},
		},
		{
			name: "nobody holds some, and another worker stands still", partitions: []worker.PartitionObservation{partition(0, 0, time.Time{})},
			elsewhere: []worker.Elsewhere{
				{Partition: 1, Holder: "b/7", Running: true, Lag: 3, StillSince: ago(11)}, {Partition: 2, StillSince: ago(12)}, {Partition: 3, StillSince: ago(14)},
			},
			wrong: []string{"nobody holds partitions [2 3] for 14s", "nothing was stored of partitions [1], which the worker b/7 holds, for 11s"},
			notes: []string{"catching up: 3 messages to apply"},
		},
		{name: "the bucket of leases is away", unleased: ago(10), wrong: []string{"the leases of partitions could not be renewed for 10s"}},
		{name: "judging fails once", failing: ago(2)},
		{name: "nobody judges", failing: ago(11), wrong: []string{"incidents cannot be judged for 11s: no response from stream"}},
		{
			name: "Slack is away", lasting: []string{"slack fails for 1m0s: messages: 503"}, notes: []string{"slack fails for 1m0s: messages: 503"},
		},
	} {
		o := &health.Worker{
			Connected: func() bool { return true }, Lasting: func() []string { return c.lasting }, Now: func() time.Time { return now },
			Observe: func() worker.Observation {
				return worker.Observation{Recovered: true, Alive: now, Reported: now, Partitions: c.partitions, Elsewhere: c.elsewhere, Unleased: c.unleased, Patience: c.patience}
			},
			Unjudged: func() (time.Time, error) {
				if c.failing.IsZero() {
					return time.Time{}, nil
				}
				return c.failing, errors.New("no response from stream")
			},
		}
		recorder := httptest.NewRecorder()
		handler(o, prometheus.NewRegistry(), http.NotFoundHandler()).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		var said health.Answer
		if err := json.Unmarshal(recorder.Body.Bytes(), &said); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(said.Wrong) != fmt.Sprint(c.wrong) || fmt.Sprint(said.Notes) != fmt.Sprint(c.notes) {
			t.Errorf("%s: %s", c.name, recorder.Body)
		}
		if unready := recorder.Code == http.StatusServiceUnavailable; unready != (len(c.wrong) > 0) {
			t.Errorf("%s: status %d", c.name, recorder.Code)
		}
	}
}
