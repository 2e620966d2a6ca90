package main

import (
	"context"
	"net/http"
	"sync/atomic"
)

// entrance serves HTTP from the beginning of a start: until there is something to see it answers probes, and says what the start waits for.
type entrance struct {
	to     atomic.Pointer[http.Handler]
	guard  func(http.Handler) http.Handler
	stop   context.CancelFunc
	served chan error // how serving ended
}

// enter has serve answer until the entrance is closed or ctx ends, behind a guard. waits says what the start waits for, one line each.
func enter(ctx context.Context, waits func() []string, guard func(http.Handler) http.Handler, serve func(context.Context, http.Handler) error) *entrance {
	ctx, stop := context.WithCancel(ctx)
	e := &entrance{guard: guard, stop: stop, served: make(chan error, 1)}
	e.lead(starting(waits))
	go func() { e.served <- serve(ctx, e) }()
	return e
}

// lead has the entrance lead elsewhere.
func (e *entrance) lead(to http.Handler) {
	guarded := e.guard(to)
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
