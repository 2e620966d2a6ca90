package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/notes"
	"firstlight/pipeline/oncall"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
	"firstlight/sinks/alert"
	"firstlight/sinks/clickhouse"
)

func runCommand() *cobra.Command {
	var drain, rebuild bool
	c := &cobra.Command{
		Use:   "run",
		Short: "Process events until stopped",
		Long:  "Process events until stopped.\n\n" + describeSettings(),
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadSettings()
			if err != nil {
				return err
			}
			return run(cmd.Context(), s, runOptions{drain: drain, rebuild: rebuild})
		},
	}
	c.Flags().BoolVar(&drain, "drain", false, "apply all that the stream held at start, flush, and exit")
	c.Flags().BoolVar(&rebuild, "rebuild", false, "drop what was computed and recompute from the stream's start")
	return c
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%q is not expected; see \"%s --help\"", args[0], cmd.CommandPath())
	}
	return nil
}

type runOptions struct {
	drain, rebuild bool
	catalog        *catalog.Catalog // nil: FIRSTLIGHT_CATALOG
	// beside runs next to the worker once the servers are there, and ends with it. It may be nil.
	beside func(ctx context.Context, b *backends) error
}

// run is the worker with its servers: it returns when ctx ends and all is flushed, or when drained.
func run(ctx context.Context, s *Settings, o runOptions) error {
	c := o.catalog
	if c == nil {
		var err error
		if c, err = loadCatalog(s.Catalog); err != nil {
			return err
		}
	}
	listener, err := s.listenHTTP()
	if err != nil {
		return err
	}
	if listener != nil {
		defer listener.Close()
	}
	b := &backends{settings: s, log: s.logger()}
	defer b.giveUpAfter(ctx, stopPatience)()
	defer b.close()
	if err := b.open(ctx, true); err != nil {
		return stopped(ctx, err)
	}
	w, err := b.worker(ctx, c)
	if err != nil {
		return stopped(ctx, err)
	}
	w.Drain, w.Rebuild = o.drain, o.rebuild
	alerts := alert.NewMetrics()
	watcher, err := b.watcher(ctx, c, w.Observe, alerts)
	if err != nil {
		return stopped(ctx, err)
	}
	annotations, err := b.annotations(ctx, o)
	if err != nil {
		return stopped(ctx, err)
	}
	b.httpAddr = httpAddr(listener)
	if err := b.announce(); err != nil {
		return err
	}
	b.log.Info("running", zap.String("nats", redact(b.natsURL)), zap.String("clickhouse", redact(b.dsn)), zap.String("http", b.httpAddr),
		zap.String("database", s.Database), zap.String("product", c.Product), zap.Int("partitions", s.Partitions))
	return b.attend(ctx, attended{w, annotations, watcher, alerts}, listener, o)
}

// stopPatience is how long after a signal the process ends at the latest, whatever servers do.
const stopPatience = 9500 * time.Millisecond

// giveUpAfter ends the process some time after ctx has ended, unless the function it returns was called before.
func (b *backends) giveUpAfter(ctx context.Context, patience time.Duration) (cancel func()) {
	done := make(chan struct{})
	go func() {
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		select {
		case <-done:
		case <-time.After(patience):
			fmt.Fprintf(os.Stderr, "firstlight: could not store everything within %s: what is missing is applied at the next start\n", patience)
			os.Exit(exitFailure)
		}
	}()
	return func() { close(done) }
}

// stopped is no error when ctx has ended: it is why.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func httpAddr(l net.Listener) string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}

// attended is what a running process does.
type attended struct {
	worker      *worker.Worker
	annotations *notes.Follower
	watcher     *oncall.Watcher
	alerts      *alert.Metrics
}

// process works until ctx ends, or when draining until all that the stream held at start is stored and judged.
func (a *attended) process(ctx context.Context) error {
	err := a.worker.Run(ctx)
	if err != nil || !a.worker.Drain {
		return err
	}
	if err := a.annotations.WaitDrained(ctx); err != nil {
		return err
	}
	if err := a.watcher.Once(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("judge anomalies: %w", err)
	}
	return nil
}

// attend runs the worker, what serves it, and what runs beside it. The first to end ends the others.
func (b *backends) attend(ctx context.Context, a attended, listener net.Listener, o runOptions) error {
	w := a.worker
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, running := errgroup.WithContext(ctx)
	flushes := newFlushSeconds()
	w.Flushed = func(took time.Duration) { flushes.Observe(took.Seconds()) }
	group.Go(func() error {
		defer stop()
		return a.process(running)
	})
	group.Go(func() error { return a.annotations.Run(running) })
	if !w.Drain {
		group.Go(func() error { return a.watcher.Run(running) })
	}
	if listener != nil {
		h := &observer{connected: b.nats.IsConnected, observe: w.Observe, now: time.Now}
		handler := h.handler(registry(w.Observe, flushes, a.alerts), b.page(w))
		group.Go(func() error { return serveHTTP(running, listener, handler) })
	}
	group.Go(func() error {
		select {
		case <-b.lost: // the client reconnects by itself, but not after every error
			return fmt.Errorf("the connection to NATS has ended for good, start firstlight again: %w", because(b.nats.LastError()))
		case <-running.Done():
			return nil
		}
	})
	if b.engine != nil {
		group.Go(func() error {
			select {
			case <-b.engine.Done():
				return fmt.Errorf("the ClickHouse engine ended, start firstlight again: %w", because(b.engine.Err()))
			case <-running.Done():
				return nil
			}
		})
	}
	if o.beside != nil {
		group.Go(func() error {
			defer stop()
			return o.beside(running, b)
		})
	}
	return group.Wait()
}

// because is the reason of an end that may have none.
func because(err error) error {
	if err == nil {
		return errors.New("no reason was given")
	}
	return err
}

// worker returns the worker of a catalog over the open backends.
func (b *backends) worker(ctx context.Context, c *catalog.Catalog) (*worker.Worker, error) {
	events, err := stream.Ensure(ctx, b.js, b.settings.Stream)
	if err != nil {
		return nil, err
	}
	dead, err := stream.EnsureDead(ctx, b.js)
	if err != nil {
		return nil, err
	}
	return &worker.Worker{
		Catalog: c, Partitions: b.settings.Partitions, FlushInterval: b.settings.FlushInterval,
		Events: events,
		Dead: &stream.DeadLetters{
			JS: b.js, Stream: dead, MaxSize: int(b.nats.MaxPayload()),
			Source: fmt.Sprintf("%s@%d", b.settings.Stream, events.CachedInfo().Created.UnixMilli()),
		},
		Store: clickhouse.NewStore(b.conn, b.settings.Database),
		Log:   b.log,
	}, nil
}

// annotations returns what stores annotations beside the worker.
func (b *backends) annotations(ctx context.Context, o runOptions) (*notes.Follower, error) {
	if _, err := stream.EnsureAnnotations(ctx, b.js); err != nil {
		return nil, err
	}
	dead, err := stream.EnsureDead(ctx, b.js)
	if err != nil {
		return nil, err
	}
	return &notes.Follower{
		JS: b.js, Dead: dead, MaxSize: int(b.nats.MaxPayload()), Store: clickhouse.NewStore(b.conn, b.settings.Database),
		Log: b.log, Rebuild: o.rebuild, Drained: make(chan struct{}),
	}, nil
}

// loadCatalog reads the catalog, or says on stderr what is wrong with it.
func loadCatalog(path string) (*catalog.Catalog, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, usagef("there is no catalog at %s: set FIRSTLIGHT_CATALOG to one; schemas/examples/ holds some to start from", path)
	}
	if err != nil {
		return nil, usagef("read FIRSTLIGHT_CATALOG: %w", err)
	}
	c, problems := catalog.Load(data)
	if problems.Failed() {
		fmt.Fprint(os.Stderr, problems.Format(path))
		return nil, usageError{errSilent}
	}
	return c, nil
}

// redact hides passwords in server addresses.
func redact(addresses string) string {
	parts := strings.Split(addresses, ",")
	for i, a := range parts {
		u, err := url.Parse(strings.TrimSpace(a))
		if err != nil {
			parts[i] = "(unreadable address)"
			continue
		}
		if q := u.Query(); q.Has("password") {
			q.Set("password", "xxxxx")
			u.RawQuery = q.Encode()
		}
		parts[i] = u.Redacted()
	}
	return strings.Join(parts, ",")
}
