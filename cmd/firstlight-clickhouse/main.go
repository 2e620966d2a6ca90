// Command firstlight-clickhouse serves the embedded ClickHouse engine over ClickHouse's HTTP interface, on
// loopback only. It is started by firstlight and ends when its standard input does, so it never outlives
// its parent.
//
// Once it serves it prints one line, "ready ADDRESS". Errors are one line on standard error and exit code 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"firstlight/cmd/firstlight-clickhouse/chdb"
	"firstlight/cmd/firstlight-clickhouse/httpapi"
)

const (
	portPatience = time.Second
	// connections bounds the statements that run at once; further ones wait.
	connections = 32
	// At the end, statements may run on for finishPatience; then they are killed. killPatience bounds the rest.
	finishPatience = 2 * time.Second
	killPatience   = 3 * time.Second
)

func main() {
	path := flag.String("path", "", "data `directory`")
	listen := flag.String("listen", "127.0.0.1:8123", "loopback `address`; port 0 picks a free one")
	lib := flag.String("lib", "", "`path` of libchdb")
	temporary := flag.Bool("temporary", false, "remove the data directory at the end, for tests")
	flag.Parse()
	if err := run(*path, *listen, *lib, *temporary); err != nil {
		fmt.Fprintln(os.Stderr, "firstlight-clickhouse:", err)
		os.Exit(1)
	}
}

func run(path, listen, lib string, temporary bool) error {
	if path == "" || lib == "" {
		return fmt.Errorf("--path and --lib are needed")
	}
	if !httpapi.Loopback(listen) {
		return fmt.Errorf("refusing to listen on %q: the embedded engine has no passwords and serves loopback addresses only (127.0.0.1:PORT)", listen)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	// Everywhere the same results, whatever the machine's zone is.
	if err := os.Setenv("TZ", "UTC"); err != nil {
		return fmt.Errorf("setting the time zone: %w", err)
	}
	dir, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("the data directory: %w", err)
	}
	if lib, err = filepath.Abs(lib); err != nil {
		return fmt.Errorf("the engine library: %w", err)
	}
	lock, err := lockDir(ctx, dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if temporary {
		defer os.RemoveAll(dir)
	}
	// Names without a path must not mean files where firstlight was started.
	if err := os.Chdir(dir); err != nil {
		return fmt.Errorf("entering the data directory: %w", err)
	}
	listener, err := bind(listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	settings, err := configure(dir)
	if err != nil {
		return err
	}
	engine, err := chdb.Open(lib, dir, connections, settings...)
	if err != nil {
		return err
	}
	handler, err := httpapi.New(ctx, engine)
	if err != nil {
		return err
	}
	return serve(ctx, listener, handler, engine)
}

// bind listens on address. A process that gave up the data directory's lock a moment ago may still hold it.
func bind(address string) (net.Listener, error) {
	for deadline := time.Now().Add(portPatience); ; time.Sleep(50 * time.Millisecond) {
		listener, err := net.Listen("tcp", address)
		if err == nil {
			return listener, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("the address %s cannot be used: %w", address, err)
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the address %s is taken by another process: stop it, or choose another address", address)
		}
	}
}

// serve answers requests until ctx ends, then lets those under way finish for a while.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, engine *chdb.Engine) error {
	requests, kill := context.WithCancel(context.Background())
	defer kill()
	h := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: time.Minute,
		MaxHeaderBytes:    1 << 20,
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(listener) }()
	fmt.Println("ready", listener.Addr())
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	finish, cancelFinish := context.WithTimeout(context.Background(), finishPatience)
	defer cancelFinish()
	if h.Shutdown(finish) != nil {
		kill()
		_ = h.Close() // a client that does not read holds its query up
	}
	end, cancelEnd := context.WithTimeout(context.Background(), killPatience)
	defer cancelEnd()
	_ = engine.Close(end) // what it has stored is safe without
	return nil
}
