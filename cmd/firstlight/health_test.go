package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"firstlight/pipeline/worker"
)

// The health command against the handler of a worker in every state.
func TestHealthCommand(t *testing.T) {
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	seen, connected := worker.Observation{}, true
	o := &observer{
		connected: func() bool { return connected }, observe: func() worker.Observation { return seen },
		now: func() time.Time { return now },
	}
	server := httptest.NewServer(o.handler(prometheus.NewRegistry(), http.NotFoundHandler()))
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
			err := askHealth(t.Context(), listen, c.path)
			if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
				t.Errorf("%s of %+v at %s: %v, want %q", c.path, c.seen, listen, err, c.wrong)
			}
		}
	}
}

func TestHealthCommandRefuses(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	gone := server.Listener.Addr().String()
	server.Close()
	for listen, word := range map[string]string{"": "off", "8080": "FIRSTLIGHT_HTTP_ADDR", gone: "no answer"} {
		if err := askHealth(t.Context(), listen, "/healthz"); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%q: %v, want %q", listen, err, word)
		}
	}
}
