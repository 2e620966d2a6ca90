package main

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"

	"go.uber.org/zap"
)

// entrance serves HTTP from the beginning of a start: until there is something to see it answers probes, and says what the start waits for.
type entrance struct {
	to     atomic.Pointer[http.Handler]
	face   *face
	stop   context.CancelFunc
	served chan error // how serving ended
}

// enter serves a listener until the entrance is closed or ctx ends. waits says what the start waits for, one line each.
func enter(ctx context.Context, l net.Listener, f *face, waits func() []string, log *zap.Logger) *entrance {
	ctx, stop := context.WithCancel(ctx)
	e := &entrance{face: f, stop: stop, served: make(chan error, 1)}
	e.lead(starting(waits))
	go func() { e.served <- serveHTTP(ctx, l, e, log) }()
	return e
}

// lead has the entrance lead elsewhere.
func (e *entrance) lead(to http.Handler) {
	guarded := e.face.guard(to)
	e.to.Store(&guarded)
}

func (e *entrance) ServeHTTP(w http.ResponseWriter, r *http.Request) { (*e.to.Load()).ServeHTTP(w, r) }

// until serves until ctx ends, and returns what goes wrong with it.
func (e *entrance) until(ctx context.Context) error {
	select {
	case <-ctx.Done():
		e.stop()
		err := <-e.served
		e.served <- err
		return err
	case err := <-e.served:
		e.served <- err
		return err
	}
}

// close ends serving.
func (e *entrance) close() {
	e.stop()
	<-e.served
}

// starting answers while a process starts: it lives, is not ready, and has nothing to show.
func starting(waits func() []string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil, nil) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, append([]string{"not started yet"}, waits()...), nil)
	})
	return mux
}
