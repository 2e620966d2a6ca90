// Command firstlight-clickhouse serves the embedded ClickHouse engine over ClickHouse's HTTP interface. It is started
// by firstlight, which hands it two listening sockets: at the first anybody on this machine may read views (files[0]),
// at the second firstlight itself does everything, with a secret (files[1]).
//
// Standard input holds one line, a Config in JSON, and ends when the parent does: this process never outlives it. Once
// it serves it prints one line, "ready". Errors are one line on standard error and exit code 1.
package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
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

	"firstlight/cmd/firstlight-clickhouse/internal/chdb"
	"firstlight/cmd/firstlight-clickhouse/internal/httpapi"
	"firstlight/cmd/firstlight-clickhouse/internal/reader"
)

const (
	// connections bounds the statements that run at once; further ones wait.
	connections = 32
	// readerConnections bounds the connections of readers.
	readerConnections = 256
	// At the end, statements may run on for finishPatience; then they are killed. killPatience bounds the rest.
	finishPatience = 2 * time.Second
	killPatience   = 3 * time.Second
	// stuckPatience is how long a statement may go on after it was told to end, if the parent does not say.
	stuckPatience = 15 * time.Second
	// exitStuck is the exit code when a statement did not end: the parent starts the engine again.
	exitStuck = 3
)

// The sockets the parent hands over, after the three standard ones.
const (
	readersFile = 3 + iota
	ownersFile
)

// Config is what the parent says on standard input, and nobody else is to know.
type Config struct {
	Secret         string
	ReaderPassword string
	Readers        reader.Policy
	StuckAfter     time.Duration
}

func main() {
	path := flag.String("path", "", "data `directory`")
	lib := flag.String("lib", "", "`path` of libchdb")
	temporary := flag.Bool("temporary", false, "remove the data directory at the end, for tests")
	flag.Parse()
	if err := run(*path, *lib, *temporary); err != nil {
		fmt.Fprintln(os.Stderr, "firstlight-clickhouse:", err)
		os.Exit(1)
	}
}

func run(path, lib string, temporary bool) error {
	if path == "" || lib == "" {
		return fmt.Errorf("--path and --lib are needed")
	}
	input := bufio.NewReader(os.Stdin)
	config, err := readConfig(input)
	if err != nil {
		return err
	}
	readers, err := inherited(readersFile)
	if err != nil {
		return err
	}
	owners, err := inherited(ownersFile)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, input)
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
	settings, err := configure(dir)
	if err != nil {
		return err
	}
	engine, err := chdb.Open(lib, dir, connections, settings...)
	if err != nil {
		return err
	}
	engine.StuckAfter, engine.Stuck = cmp.Or(config.StuckAfter, stuckPatience), func() {
		fmt.Fprintf(os.Stderr, "firstlight-clickhouse: a query did not end %v after it was told to: starting the engine again\n", engine.StuckAfter)
		os.Exit(exitStuck)
	}
	server, err := httpapi.New(ctx, engine)
	if err != nil {
		return err
	}
	reading := httpapi.NewReader(server, config.Readers, config.ReaderPassword, readerMemory())
	whole := http.NewServeMux()
	whole.Handle("/", server)
	whole.Handle("/read", reading.Operator())
	return serve(ctx, engine, face{owners, httpapi.WithSecret(config.Secret, whole)}, face{limit(readers, readerConnections), reading})
}

func readConfig(r *bufio.Reader) (Config, error) {
	var c Config
	line, err := r.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &c)
	}
	if err != nil || c.Secret == "" {
		return c, errors.New("this program is started by firstlight, which tells it on standard input what to do: use firstlight run")
	}
	return c, nil
}

// inherited is a listening socket of the parent.
func inherited(file uintptr) (net.Listener, error) {
	f := os.NewFile(file, "socket")
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("taking over a socket: %w", err)
	}
	return l, nil
}

// face is what is served at a socket.
type face struct {
	listener net.Listener
	handler  http.Handler
}

// serve answers requests until ctx ends, then lets those under way finish for a while.
func serve(ctx context.Context, engine *chdb.Engine, faces ...face) error {
	requests, kill := context.WithCancel(context.Background())
	defer kill()
	var servers []*http.Server
	failed := make(chan error, len(faces))
	for _, f := range faces {
		h := &http.Server{
			Handler:           f.handler,
			ReadHeaderTimeout: time.Minute,
			IdleTimeout:       2 * time.Minute,
			MaxHeaderBytes:    1 << 20,
			BaseContext:       func(net.Listener) context.Context { return requests },
		}
		servers = append(servers, h)
		go func() { failed <- h.Serve(f.listener) }()
	}
	fmt.Println("ready")
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	finish, cancelFinish := context.WithTimeout(context.Background(), finishPatience)
	defer cancelFinish()
	for _, h := range servers {
		if h.Shutdown(finish) != nil {
			kill()
			_ = h.Close() // a client that does not read holds its query up
		}
	}
	end, cancelEnd := context.WithTimeout(context.Background(), killPatience)
	defer cancelEnd()
	_ = engine.Close(end) // what it has stored is safe without
	return nil
}
