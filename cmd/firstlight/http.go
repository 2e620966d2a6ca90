package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"firstlight/cmd/firstlight/page"
	"firstlight/pipeline/worker"
)

// What operators ask a running worker over HTTP: is it alive, is it ready, its metrics. The page is served beside it.

const (
	// stuckAfter is when a partition's loop that does not go round counts as dead: it has nothing to wait for.
	stuckAfter = 30 * time.Second
	// staleAfter is when progress that was not published makes the worker unready.
	staleAfter   = 10 * time.Second
	httpShutdown = time.Second
	readTimeout  = 10 * time.Second
)

// listenHTTP takes the address before anything slow begins; nil when HTTP is off.
func (s *Settings) listenHTTP() (net.Listener, error) {
	if s.HTTPAddr == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", s.HTTPAddr)
	if err == nil {
		return l, nil
	}
	if taken := portTaken(s.HTTPAddr, "FIRSTLIGHT_HTTP_ADDR to a free address, or to off"); taken != nil {
		return nil, taken
	}
	return nil, fmt.Errorf("listen on FIRSTLIGHT_HTTP_ADDR %s: %w", s.HTTPAddr, err)
}

// observer answers for one worker.
type observer struct {
	connected func() bool // to NATS
	observe   func() worker.Observation
	now       func() time.Time
}

// serveHTTP serves until ctx ends.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: readTimeout, IdleTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.Background(), httpShutdown)
	defer cancel()
	if err := server.Shutdown(stop); errors.Is(err, context.DeadlineExceeded) {
		return server.Close()
	}
	return nil
}

// handler serves /healthz, /readyz, /metrics, and the page on everything else.
func (o *observer) handler(metrics prometheus.Gatherer, page http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, o.dead()) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { answer(w, o.unready()) })
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	mux.Handle("/", page)
	return mux
}

// healthAnswer is what /healthz and /readyz say.
type healthAnswer struct {
	Status string   `json:"status"`
	Wrong  []string `json:"wrong,omitempty"`
}

// answer writes what is wrong, with status 503, or that nothing is.
func answer(w http.ResponseWriter, wrong []string) {
	w.Header().Set("Content-Type", "application/json")
	status := "ok"
	if len(wrong) > 0 {
		status = "unavailable"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(healthAnswer{status, wrong}) // the client may be gone
}

// page is what people look at.
func (b *backends) page(w *worker.Worker) http.Handler {
	return page.Handler(page.Config{
		Conn: b.conn, Database: b.settings.Database, Catalog: w.Catalog, AsOf: func() time.Time { return asOf(w.Observe()) },
		Listen: b.httpAddr, ExternalURL: b.settings.ExternalURL,
	})
}

// asOf is the smallest of all partitions, as the views have it; zero before the first report.
func asOf(seen worker.Observation) time.Time {
	if len(seen.Partitions) == 0 || seen.Reported.IsZero() {
		return time.Time{}
	}
	smallest := slices.MinFunc(seen.Partitions, func(a, b worker.PartitionObservation) int { return cmp.Compare(a.AsOf, b.AsOf) })
	return time.UnixMilli(smallest.AsOf)
}

// dead says why a restart would help: servers that are away are no reason.
func (o *observer) dead() []string {
	seen := o.observe()
	if age := o.now().Sub(seen.Alive); seen.Recovered && age > stuckAfter {
		return []string{fmt.Sprintf("a partition has not moved for %s", age.Round(time.Second))}
	}
	return nil
}

// unready says why numbers are not up to date.
func (o *observer) unready() (wrong []string) {
	seen := o.observe()
	if !o.connected() {
		wrong = append(wrong, "not connected to NATS")
	}
	switch age := o.now().Sub(seen.Reported); {
	case !seen.Recovered:
		wrong = append(wrong, "not recovered yet")
	case seen.Reported.IsZero():
		wrong = append(wrong, "no progress published yet")
	case age > staleAfter:
		wrong = append(wrong, fmt.Sprintf("no progress could be published to ClickHouse for %s", age.Round(time.Second)))
	}
	return append(wrong, o.dead()...)
}
