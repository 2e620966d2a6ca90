package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"firstlight/cmd/firstlight/health"
	"firstlight/cmd/internal/memory"
	"firstlight/pipeline/annotation/storage"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/redact"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
	"firstlight/pipeline/worker"
	"firstlight/sinks/alert"
	"firstlight/sinks/clickhouse"
)

func runCommand() *cobra.Command {
	var o runOptions
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
			return run(cmd.Context(), s, o)
		},
	}
	c.Flags().BoolVar(&o.drain, "drain", false, "apply all that the stream held at start, flush, and exit")
	c.Flags().BoolVar(&o.rebuild, "rebuild", false, "recompute everything from the stream's start, beside what stands")
	c.Flags().BoolVar(&o.acceptLoss, "accept-loss", false, "compute what the catalog changed although the stream does not hold all that was counted any more")
	return c
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%q is not expected; see \"%s --help\"", args[0], cmd.CommandPath())
	}
	return nil
}

type runOptions struct {
	drain, rebuild, acceptLoss bool
	tryOut                     bool   // the page has a form that sends an event, where anybody of this machine may send
	catalog                    []byte // nil: FIRSTLIGHT_CATALOG, which is watched
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
	file, c, err := s.catalogFile(o.catalog)
	if err != nil {
		return err
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
	b := &backends{settings: s, log: s.logger(), rebuild: o.rebuild, patience: s.StartWait}
	defer b.giveUpAfter(ctx, stopPatience)()
	defer b.close()
	if listener != nil {
		b.entrance = enter(ctx, b.trouble().Failing, s.face(b.log).guard, func(ctx context.Context, h http.Handler) error { return serveHTTP(ctx, listener, h, b.log) })
		defer b.entrance.close()
	}
	var collects *entrance
	if collectAt != nil {
		collects = b.enterCollect(ctx, collectAt)
		defer collects.close()
	}
	if err := b.open(ctx, true); err != nil {
		return stopped(ctx, err)
	}
	if err := b.await(ctx, trouble.NATS, "the streams", func() error { return b.ensureStreams(ctx) }); err != nil {
		return stopped(ctx, err)
	}
	flushes := newFlushSeconds()
	definitions := b.definitions(o, memory.ForUsers(budget), func(took time.Duration) { flushes.Observe(took.Seconds()) })
	alerts := alert.NewMetrics()
	var (
		judging     *judging
		annotations *storage.Follower
	)
	err = b.await(ctx, trouble.NATS, "the lease of who judges", func() (err error) {
		judging, err = b.judging(ctx, definitions, alerts)
		return err
	})
	if err != nil {
		return stopped(ctx, err)
	}
	err = b.await(ctx, trouble.NATS, "annotations", func() (err error) {
		annotations, err = b.annotations(ctx, o)
		return err
	})
	if err != nil {
		return stopped(ctx, err)
	}
	if o.before != nil {
		if err := o.before(ctx, b); err != nil {
			return stopped(ctx, err)
		}
	}
	a := workload{definitions: definitions, file: file, source: file.source, catalog: c, annotations: annotations, judging: judging, alerts: alerts, flushes: flushes}
	if collectAt != nil && !o.drain {
		err := b.await(ctx, trouble.NATS, "the collector", func() (err error) {
			a.collector, err = b.collector(ctx, collects, collectAt)
			return err
		})
		if err != nil {
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

// giveUpAfter ends the process some time after ctx has ended, unless the function it returns was called before. Where all is stored by
// then, nothing has failed: a server only does not answer any more.
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
			if b.stored.Load() {
				os.Exit(0)
			}
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
	definitions *worker.Definitions
	file        *catalogFile
	source      []byte           // of the file, at the start
	catalog     *catalog.Catalog // likewise
	annotations *storage.Follower
	judging     *judging
	alerts      *alert.Metrics
	flushes     prometheus.Histogram
	collector   *collecting // nil: events come over NATS only
}

// process works until ctx ends, or when draining until all that the stream held at start is stored and judged.
func (a *workload) process(ctx context.Context) error {
	err := a.definitions.Run(ctx, a.source)
	if err != nil || !a.definitions.Drain {
		return err
	}
	if err := a.annotations.WaitDrained(ctx); err != nil {
		return err
	}
	if err := a.judging.once(ctx); err != nil && ctx.Err() == nil {
		return fmt.Errorf("judge anomalies: %w", err)
	}
	return nil
}

// attend runs the worker, what serves it, and what runs beside it. The first to end ends the others.
func (b *backends) attend(ctx context.Context, a workload, listener net.Listener, o runOptions) error {
	d := a.definitions
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	group, running := errgroup.WithContext(ctx)
	shown := b.pages(&a)
	d.Show = func(_ *worker.Worker, c *catalog.Catalog) {
		shown.show(c)
		a.judging.show(c)
	}
	group.Go(func() error {
		defer stop()
		err := a.process(running)
		b.stored.Store(err == nil)
		return err
	})
	group.Go(func() error {
		a.file.watch(running, b.log, d.Change)
		return nil
	})
	group.Go(func() error { return a.annotations.Run(running) })
	group.Go(func() error {
		b.keepVoices(running)
		return nil
	})
	if b.embedded != nil {
		group.Go(func() error {
			stream.Keep(running, b.embedded, b.natsDir(), b.trouble())
			return nil
		})
	}
	if !d.Drain {
		group.Go(func() error { return a.judging.run(running) })
	}
	if a.collector != nil {
		group.Go(func() error { return a.collector.run(running) })
	}
	if listener != nil {
		h := &health.Worker{Connected: b.isConnected, Observe: d.Observe, Definitions: a.notes, Lasting: b.trouble().Lasting, Now: time.Now}
		if !d.Drain {
			h.Unjudged = a.judging.unjudged
		}
		metrics := registry(d.Observe, a.flushes, a.alerts)
		if a.collector != nil {
			metrics.MustRegister(a.collector.Metrics())
		}
		b.entrance.lead(handler(h, metrics, shown))
		group.Go(func() error { return b.entrance.until(running) })
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
