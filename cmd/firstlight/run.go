package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"firstlight/cmd/firstlight/health"
	"firstlight/cmd/internal/memory"
	"firstlight/pipeline/annotation/storage"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/collect"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/oncall"
	"firstlight/pipeline/redact"
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
	tryOut         bool             // the page has a form that sends an event, where anybody of this machine may send
	catalog        *catalog.Catalog // nil: FIRSTLIGHT_CATALOG
	// before is done once the servers are there and before the worker starts. It may be nil.
	before func(ctx context.Context, b *backends) error
	// beside runs next to the worker once the servers are there, and ends with it. It may be nil.
	beside func(ctx context.Context, b *backends) error
}

// run is the worker with its servers: it returns when ctx ends and all is flushed, or when drained.
func run(ctx context.Context, s *Settings, o runOptions) error {
	budget, err := memory.Parse(s.Memory)
	if err != nil {
		return usagef("FIRSTLIGHT_MEMORY: %w", err)
	}
	memory.Limit(budget)
	c := o.catalog
	if c == nil {
		var err error
		if c, err = loadCatalog(s.Catalog); err != nil {
			return err
		}
	}
	listener, err := s.listenHTTP(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	if listener != nil {
		defer listener.Close()
	}
	collectAt, err := s.listenCollect(ctx)
	if err != nil {
		return err
	}
	if collectAt != nil {
		defer collectAt.Close()
	}
	b := &backends{settings: s, log: s.logger(), rebuild: o.rebuild}
	defer b.giveUpAfter(ctx, stopPatience)()
	defer b.close()
	if err := b.open(ctx, true); err != nil {
		return stopped(ctx, err)
	}
	w, err := b.worker(ctx, c)
	if err != nil {
		return stopped(ctx, err)
	}
	w.Drain, w.Rebuild, w.Memory = o.drain, o.rebuild, memory.ForUsers(budget)
	alerts := alert.NewMetrics()
	watcher, err := b.watcher(ctx, c, w, alerts)
	if err != nil {
		return stopped(ctx, err)
	}
	annotations, err := b.annotations(ctx, o)
	if err != nil {
		return stopped(ctx, err)
	}
	if o.before != nil {
		if err := o.before(ctx, b); err != nil {
			return stopped(ctx, err)
		}
	}
	a := workload{worker: w, annotations: annotations, watcher: watcher, alerts: alerts}
	if collectAt != nil && !o.drain {
		if a.collector, err = b.collector(ctx, collectAt); err != nil {
			return stopped(ctx, err)
		}
		if at, err := loopback(collectAt.Addr().String()); err == nil && o.tryOut && a.collector.keys.Len() == 0 {
			b.tryAt = "http://" + at
		}
	}
	b.httpAddr, b.collectAddr = httpAddr(listener), httpAddr(collectAt)
	if err := b.announce(); err != nil {
		return err
	}
	b.log.Info("running", zap.String("nats", redact.Addresses(b.natsURL)), zap.String("clickhouse", b.shownClickHouse()), zap.String("http", b.httpAddr),
		zap.String("database", s.Database), zap.String("product", c.Product))
	return b.attend(ctx, a, listener, o)
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

// workload is what a running process does.
type workload struct {
	worker      *worker.Worker
	annotations *storage.Follower
	watcher     *oncall.Watcher
	alerts      *alert.Metrics
	collector   *collecting // nil: events come over NATS only
}

// process works until ctx ends, or when draining until all that the stream held at start is stored and judged.
func (a *workload) process(ctx context.Context) error {
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
func (b *backends) attend(ctx context.Context, a workload, listener net.Listener, o runOptions) error {
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
	if b.embedded != nil {
		group.Go(func() error {
			stream.Keep(running, b.embedded, b.natsDir(), b.trouble())
			return nil
		})
	}
	if !w.Drain {
		group.Go(func() error { return a.watcher.Run(running) })
	}
	if a.collector != nil {
		group.Go(func() error { return a.collector.run(running) })
	}
	if listener != nil {
		h := &health.Worker{Connected: b.nats.IsConnected, Observe: w.Observe, Lasting: b.trouble().Lasting, Now: time.Now}
		if !w.Drain {
			h.Unjudged = a.watcher.Unjudged
		}
		metrics := registry(w.Observe, flushes, a.alerts)
		var collected func() collect.Counts
		if a.collector != nil {
			metrics.MustRegister(a.collector.Metrics())
			collected = a.collector.Counts
		}
		face := b.settings.face(b.log).guard(handler(h, metrics, b.page(w, collected)))
		group.Go(func() error { return serveHTTP(running, listener, face, b.log) })
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
				return fmt.Errorf("the ClickHouse engine ended and does not start again: %w", because(b.engine.Err()))
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
	if room := dead.CachedInfo().Config.MaxBytes; room > 0 && room < stream.MaxDeadBytes {
		b.log.Warn("there was room for few dead letters only: the stream discards its oldest",
			zap.String("stream", stream.DeadStream), zap.Int64("mebibytes", room>>20))
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name this worker: %w", err)
	}
	w := &worker.Worker{
		Name: fmt.Sprintf("%s/%d", host, os.Getpid()), Register: stream.NewRegister(b.js, "work."+b.settings.Database),
		Catalog: c, Partitions: b.settings.Partitions, AsStored: !b.settings.partitionsGiven, FlushInterval: b.settings.FlushInterval,
		Events: events,
		Dead: &stream.DeadLetters{
			JS: b.js, Stream: dead, MaxSize: int(b.nats.MaxPayload()),
			Source: fmt.Sprintf("%s@%d", b.settings.Stream, events.CachedInfo().Created.UnixMilli()),
		},
		Store: clickhouse.NewStore(b.conn, b.settings.Database),
		Log:   b.log, Trouble: b.trouble(),
	}
	if b.settings.Cluster != "" {
		w.Positions = stream.NewLastingRegister(b.js, "stored."+b.settings.Database)
	}
	return w, nil
}

// annotations returns what stores annotations beside the worker.
func (b *backends) annotations(ctx context.Context, o runOptions) (*storage.Follower, error) {
	if _, err := stream.EnsureAnnotations(ctx, b.js); err != nil {
		return nil, err
	}
	dead, err := stream.EnsureDead(ctx, b.js)
	if err != nil {
		return nil, err
	}
	return &storage.Follower{
		JS: b.js, Dead: dead, MaxSize: int(b.nats.MaxPayload()), Store: clickhouse.NewStore(b.conn, b.settings.Database),
		Log: b.log, Trouble: b.trouble(), Rebuild: o.rebuild, Drained: make(chan struct{}),
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
	c, problems := catalog.Load(data, kind.All)
	if problems.Failed() {
		fmt.Fprint(os.Stderr, problems.Format(path))
		return nil, usageError{errSilent}
	}
	return c, nil
}
