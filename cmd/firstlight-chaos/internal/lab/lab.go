// Package lab is a product under Firstlight's care: servers, workers, and events that come all the time.
package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/cmd/firstlight-chaos/internal/judge"
	"firstlight/cmd/firstlight-chaos/internal/product"
	"firstlight/cmd/firstlight-chaos/internal/servers"
)

// Config says what a lab is made of.
type Config struct {
	Dir        string // for data and logs
	Bin        string // the folder of firstlight and firstlight-clickhouse
	Seed       uint64
	Workers    int
	Partitions int
	Flush      time.Duration // FIRSTLIGHT_FLUSH_INTERVAL
	Wave       time.Duration // from one wave of events to the next
}

// Lab is what runs.
type Lab struct {
	Cluster *servers.Cluster
	Engine  *servers.Engine
	Workers []*servers.Worker
	JS      jetstream.JetStream
	Run     *judge.Run

	config    Config
	conn      *nats.Conn
	product   *product.Product
	published atomic.Uint64 // the last sequence
}

// Stream is the event stream's name.
const Stream = "EVENTS"

// Patience bounds everything that is waited for: the machine may be busy.
const Patience = 5 * time.Minute

// Start starts all, with an event stream of three replicas, and returns once the workers share the partitions.
func Start(ctx context.Context, c Config) (l *Lab, err error) {
	l = &Lab{config: c, product: product.New(c.Seed, c.Partitions)}
	defer func() {
		if err != nil {
			l.Stop()
		}
	}()
	if l.Cluster, err = servers.StartCluster(c.Dir); err != nil {
		return nil, err
	}
	if l.Engine, err = servers.StartEngine(ctx, c.Dir, filepath.Join(c.Bin, "firstlight-clickhouse")); err != nil {
		return nil, err
	}
	if l.conn, l.JS, err = l.Cluster.Connect(); err != nil {
		return nil, err
	}
	if err := l.makeStream(ctx); err != nil {
		return nil, err
	}
	if err := l.startWorkers(); err != nil {
		return nil, err
	}
	l.Run = &judge.Run{JS: l.JS, DB: l.Engine.DB(), Database: servers.Database, Stream: Stream, Catalog: []byte(product.Catalog), Partitions: c.Partitions}
	l.Run.Letters = &judge.Letters{JS: l.JS, Applied: l.Run.Applied}
	if err := l.wave(ctx); err != nil {
		return nil, err
	}
	return l, l.Until(ctx, "all workers hold partitions", l.shared)
}

func (l *Lab) makeStream(ctx context.Context) error {
	var failed error
	err := l.Until(ctx, "three servers make a stream", func(ctx context.Context) bool {
		_, failed = l.JS.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: Stream, Subjects: []string{"events.>"}, Replicas: len(l.Cluster.Nodes), AllowDirect: true})
		return failed == nil
	})
	if err != nil {
		return fmt.Errorf("%w: %w", err, failed)
	}
	return nil
}

func (l *Lab) startWorkers() error {
	catalog := filepath.Join(l.config.Dir, "catalog.yaml")
	if err := os.WriteFile(catalog, []byte(product.Catalog), 0o600); err != nil {
		return fmt.Errorf("write the catalog: %w", err)
	}
	for i := range l.config.Workers {
		w, err := servers.NewWorker(fmt.Sprint("worker ", i+1), filepath.Join(l.config.Bin, "firstlight"), l.config.Dir, l.Cluster, l.Engine, map[string]string{
			"FIRSTLIGHT_CATALOG": catalog, "FIRSTLIGHT_DATABASE": servers.Database, "FIRSTLIGHT_PARTITIONS": fmt.Sprint(l.config.Partitions),
			"FIRSTLIGHT_FLUSH_INTERVAL": l.config.Flush.String(), "FIRSTLIGHT_MEMORY": "64MiB",
		})
		if err != nil {
			return err
		}
		l.Workers = append(l.Workers, w)
		if err := w.Start(); err != nil {
			return err
		}
	}
	return nil
}

// Until waits until is holds, which is given a moment to find out.
func (l *Lab) Until(ctx context.Context, what string, is func(context.Context) bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, Patience, fmt.Errorf("%s passed", Patience))
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if Once(ctx, is) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait until %s: %w", what, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Once asks whether something holds, for a moment.
func Once(ctx context.Context, is func(context.Context) bool) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return is(ctx)
}

// shared reports whether every worker holds a partition.
func (l *Lab) shared(ctx context.Context) bool {
	held, err := l.Run.Holders(ctx)
	if err != nil {
		return false
	}
	for _, w := range l.Workers {
		if !holds(held, w.Pid()) {
			return false
		}
	}
	return true
}

func holds(held []string, pid int) bool {
	for _, name := range held {
		if strings.HasSuffix(name, fmt.Sprint("/", pid)) {
			return true
		}
	}
	return false
}

// Moved reports whether others hold all that the process of a worker held.
func (l *Lab) Moved(ctx context.Context, pid int) bool {
	held, err := l.Run.Holders(ctx)
	return err == nil && !holds(held, pid)
}

// Publish publishes waves until stop is closed.
func (l *Lab) Publish(ctx context.Context, stop <-chan struct{}) error {
	tick := time.NewTicker(l.config.Wave)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if err := l.wave(ctx); err != nil {
			return err
		}
	}
}

func (l *Lab) wave(ctx context.Context) error {
	last, err := product.Publish(ctx, l.JS, l.product.Next())
	if err != nil {
		return fmt.Errorf("publish events: %w", err)
	}
	l.published.Store(max(last, l.published.Load()))
	return nil
}

// Recovered waits until all that has been published so far is stored, and the servers have all replicas.
func (l *Lab) Recovered(ctx context.Context) (took time.Duration, err error) {
	began, last := time.Now(), l.published.Load()
	err = l.stored(ctx, last)
	took = time.Since(began)
	if err != nil {
		return took, err
	}
	return took, l.Until(ctx, "the servers have all replicas", l.whole)
}

// stored waits until every partition is stored up to a message.
func (l *Lab) stored(ctx context.Context, last uint64) error {
	return l.Until(ctx, fmt.Sprintf("message %d is stored", last), func(ctx context.Context) bool {
		applied, err := l.Run.Applied(ctx)
		if err != nil || len(applied) < l.config.Partitions {
			return false
		}
		for _, seq := range applied {
			if seq < last {
				return false
			}
		}
		return true
	})
}

// GoesOn waits until messages that are published from now on are stored.
func (l *Lab) GoesOn(ctx context.Context) error {
	before := l.published.Load()
	var next uint64
	err := l.Until(ctx, "more is published", func(context.Context) bool { next = l.published.Load(); return next > before })
	if err != nil {
		return err
	}
	return l.stored(ctx, next)
}

// whole reports whether the event stream has a leader and all its replicas.
func (l *Lab) whole(ctx context.Context) bool {
	s, err := l.JS.Stream(ctx, Stream)
	if err != nil {
		return false
	}
	cluster := s.CachedInfo().Cluster
	if cluster == nil || cluster.Leader == "" || len(cluster.Replicas) != len(l.Cluster.Nodes)-1 {
		return false
	}
	for _, peer := range cluster.Replicas {
		if !peer.Current || peer.Offline {
			return false
		}
	}
	return true
}

// Leader is the server that leads a stream.
func (l *Lab) Leader(ctx context.Context, name string) (*servers.Node, error) {
	s, err := l.JS.Stream(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("find who leads %s: %w", name, err)
	}
	info := s.CachedInfo()
	if info.Cluster == nil {
		return nil, errors.New("find who leads " + name + ": it is not replicated")
	}
	n := l.Cluster.Node(info.Cluster.Leader)
	if n == nil {
		return nil, errors.New("find who leads " + name + ": nobody does now")
	}
	return n, nil
}

// StepDown has the leader of a stream give that up.
func (l *Lab) StepDown(ctx context.Context, name string) error {
	if _, err := l.conn.RequestWithContext(ctx, "$JS.API.STREAM.LEADER.STEPDOWN."+name, nil); err != nil {
		return fmt.Errorf("have the leader of %s step down: %w", name, err)
	}
	return nil
}

// Judge waits until all is stored and shared again, stops the workers and compares.
func (l *Lab) Judge(ctx context.Context) (*judge.Verdict, error) {
	if _, err := l.Recovered(ctx); err != nil {
		return nil, err
	}
	if err := l.Until(ctx, "all workers hold partitions", l.shared); err != nil {
		return nil, err
	}
	if err := l.Until(ctx, "no partition lags, and as_of is that of the newest event", l.current); err != nil {
		return nil, err
	}
	var all sync.WaitGroup
	codes := make([]int, len(l.Workers))
	for i, w := range l.Workers {
		all.Go(func() { codes[i] = w.Stop() })
	}
	all.Wait()
	v, err := l.Run.Judge(ctx)
	if err != nil {
		return nil, err
	}
	for i, code := range codes {
		if code != 0 {
			v.Differences = append(v.Differences, fmt.Sprintf("%s, asked to end when all was stored, did so with %d", l.Workers[i].Name, code))
		}
	}
	return v, nil
}

// current reports whether the views say that they are up to date.
func (l *Lab) current(ctx context.Context) bool {
	lag, behind, err := l.Run.Behind(ctx)
	return err == nil && lag == 0 && !behind
}

// Ends is how workers have ended by themselves.
func (l *Lab) Ends() (all []servers.End) {
	for _, w := range l.Workers {
		all = append(all, w.Ends()...)
	}
	return all
}

// Stop ends all.
func (l *Lab) Stop() {
	for _, w := range l.Workers {
		w.Kill()
	}
	if l.conn != nil {
		l.conn.Close()
	}
	if l.Engine != nil {
		l.Engine.Stop()
	}
	if l.Cluster != nil {
		l.Cluster.Stop()
	}
}
