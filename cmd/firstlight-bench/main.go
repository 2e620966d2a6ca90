// Command firstlight-bench measures the whole path on this machine, in one run, and prints a table: how fast a
// backlog drains beside bare consumption of the same stream, what an event costs, what a user takes in memory,
// how fast users are restored, and how fresh the views are at a steady rate.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"text/tabwriter"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/worker"
	"firstlight/schemas"
)

// options are the sizes of a run.
type options struct {
	events, users, partitions int
	days                      int
	rate                      int
	steady                    time.Duration
	dir                       string
	profile                   string
}

func main() {
	var o options
	flag.IntVar(&o.events, "events", 2_000_000, "events of the backlog")
	flag.IntVar(&o.users, "users", 200_000, "users of the backlog")
	flag.IntVar(&o.partitions, "partitions", 4, "partitions")
	flag.IntVar(&o.days, "days", 30, "days the backlog spans")
	flag.IntVar(&o.rate, "rate", 20_000, "events per second of the steady phase")
	flag.DurationVar(&o.steady, "steady", 30*time.Second, "length of the steady phase")
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of the drain to this file")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "firstlight-bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "firstlight-bench")
	if err != nil {
		return fmt.Errorf("create a folder for the servers: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover in the temporary folder harms nobody
	o.dir = dir
	c, problems := catalog.Load(schemas.ExampleSaaS)
	if problems.Failed() {
		return fmt.Errorf("the example catalog: %s", problems.Format("saas.yaml"))
	}
	s, err := startServers(ctx, o.dir)
	if err != nil {
		return err
	}
	defer s.stop()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	row := func(what, value, aim string) { fmt.Fprintf(table, "%s\t%s\t%s\n", what, value, aim); _ = table.Flush() }
	row("figure", "measured", "aim")

	published, err := s.backlog(ctx, o)
	if err != nil {
		return err
	}
	row("publishing the backlog, async", perSecond(o.events, published), "")
	bare, err := s.bare(ctx, o.events)
	if err != nil {
		return err
	}
	row("bare JetStream, one ordered consumer", perSecond(o.events, bare), "")

	drained, err := s.drain(ctx, c, o)
	if err != nil {
		return err
	}
	row("whole pipeline, drained into ClickHouse", perSecond(o.events, drained.took), "")
	row("ratio to bare", fmt.Sprintf("%.2f", bare.Seconds()/drained.took.Seconds()), ">= 0.4")
	row("CPU per event, worker with JetStream", fmt.Sprintf("%.2f µs", drained.cpu.Seconds()*1e6/float64(o.events)), "")
	row("CPU per event, ClickHouse engine", fmt.Sprintf("%.2f µs", drained.engine.Seconds()*1e6/float64(o.events)), "")

	restored, err := s.restore(ctx, c, o)
	if err != nil {
		return err
	}
	row("users restored at start", perSecond(restored.users, restored.took), ">= 200,000/s")
	row("heap per user held, cells included", fmt.Sprintf("%.0f B", float64(restored.heap)/float64(restored.users)), "<= 400 B")

	fresh, err := s.freshness(ctx, c, o)
	if err != nil {
		return err
	}
	row(fmt.Sprintf("freshness at %d events/s, p50", o.rate), fresh.p50.Round(time.Millisecond).String(), "")
	row(fmt.Sprintf("freshness at %d events/s, p99", o.rate), fresh.p99.Round(time.Millisecond).String(), "<= 2.5s")
	return table.Flush()
}

// cachesExpire is a little more than JetStream's file store keeps blocks that nobody reads.
const cachesExpire = 12 * time.Second

func perSecond(n int, took time.Duration) string {
	return fmt.Sprintf("%.0f/s", float64(n)/took.Seconds())
}

// heap is the live heap of this process once JetStream, which shares it, has let its caches go.
func heap() uint64 {
	time.Sleep(cachesExpire)
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func (s *servers) worker(ctx context.Context, c *catalog.Catalog, o options) (*worker.Worker, error) {
	return newWorker(ctx, s, c, o.partitions, zap.NewNop())
}

func natsDir(dir string) string { return filepath.Join(dir, "nats") }
