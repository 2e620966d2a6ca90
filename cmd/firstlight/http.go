package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"

	"firstlight/cmd/firstlight/health"
	"firstlight/pipeline/doors"
	"firstlight/pipeline/worker"
)

// What operators ask a running worker over HTTP: is it alive, is it ready, its metrics. The page is served beside it.

const (
	httpShutdown = time.Second
	readTimeout  = 10 * time.Second
	maxHeader    = 64 << 10
)

// listenHTTP takes the address before anything slow begins; nil when HTTP is off. A process that is just ending is waited for.
func (s *Settings) listenHTTP(ctx context.Context) (net.Listener, error) {
	if s.HTTPAddr == "" {
		return nil, nil
	}
	if err := s.checkOpen(); err != nil {
		return nil, err
	}
	return listen(ctx, s.HTTPAddr, "FIRSTLIGHT_HTTP_ADDR", " to a free address, or to off")
}

// listen takes the address that a setting names; a process that is just ending is waited for. instead is what to set it to where it is taken.
func listen(ctx context.Context, address, setting, instead string) (net.Listener, error) {
	freeSoon(ctx, address)
	l, err := net.Listen("tcp", address)
	if err == nil {
		return l, nil
	}
	if taken := portTaken(address, setting+instead); taken != nil {
		return nil, taken
	}
	return nil, fmt.Errorf("listen on %s %s: %w", setting, address, err)
}

// serveHTTP serves until ctx ends.
func serveHTTP(ctx context.Context, l net.Listener, h http.Handler, log *zap.Logger) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: readTimeout, ReadTimeout: readTimeout, IdleTimeout: time.Minute, MaxHeaderBytes: maxHeader,
		ErrorLog: zap.NewStdLog(log.Named("http")),
	}
	if err := doors.Serve(ctx, l, server, httpShutdown); err != nil {
		return fmt.Errorf("serve HTTP: %w", err)
	}
	return nil
}

// profiles is where Go's profiles are, for `go tool pprof`. The command line is left out: it may hold a secret.
const profiles = "/debug/pprof/"

// handler serves /healthz, /readyz, /metrics, /debug/pprof/, and the page on everything else.
func handler(o *health.Worker, metrics prometheus.Gatherer, page http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, o.Dead(), nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		wrong, notes := o.Ready()
		answer(w, wrong, notes)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	for name, h := range map[string]http.HandlerFunc{"": pprof.Index, "profile": pprof.Profile, "symbol": pprof.Symbol, "trace": pprof.Trace} {
		mux.HandleFunc("GET "+profiles+name, h)
	}
	mux.Handle("/", page)
	return mux
}

// answer writes what is wrong, with status 503, or that nothing is.
func answer(w http.ResponseWriter, wrong, notes []string) {
	w.Header().Set("Content-Type", "application/json")
	status := "ok"
	if len(wrong) > 0 {
		status = "unavailable"
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	e := json.NewEncoder(secrets.Writer(w))
	e.SetIndent("", "  ")
	_ = e.Encode(health.Answer{Status: status, Wrong: wrong, Notes: notes}) // the client may be gone
}

// asOf is the smallest of all partitions, as the views have it; zero before the first report and the first event.
func asOf(seen worker.Observation) time.Time {
	var all []int64
	for i := range seen.Partitions {
		all = append(all, seen.Partitions[i].AsOf)
	}
	for i := range seen.Elsewhere {
		all = append(all, seen.Elsewhere[i].AsOf)
	}
	if len(all) == 0 || seen.Reported.IsZero() || slices.Min(all) == 0 {
		return time.Time{}
	}
	return time.UnixMilli(slices.Min(all))
}
