// Command firstlight-bench measures the whole path on this machine, in one run, and prints a table: how fast a
// backlog drains beside bare consumption of the same stream, what the views answer beside queries of the raw events, what the collector takes
// beside direct publishing, what an event costs and has written, what a user takes in memory,
// how fast users are restored, and how fresh the views are at a steady rate.
package main

import (
	"cmp"
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

	"firstlight/cmd/internal/memory"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
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
	restoreProfile            string
	heapProfile               string
	collector                 bool
	active                    int
	copies                    int
	worst                     int
	memory                    string
	forUsers                  int // MiB
}

func main() {
	if dir := os.Getenv(serveVariable); dir != "" {
		if err := serve(dir); err != nil {
			fmt.Fprintln(os.Stderr, "firstlight-bench:", err)
			os.Exit(1)
		}
		return
	}
	if task := os.Getenv(workVariable); task != "" {
		if err := workAt(task); err != nil {
			fmt.Fprintln(os.Stderr, "firstlight-bench: a worker:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.IntVar(&o.events, "events", 2_000_000, "events of the backlog")
	flag.IntVar(&o.users, "users", 200_000, "users of the backlog")
	flag.IntVar(&o.partitions, "partitions", 16, "partitions")
	flag.IntVar(&o.days, "days", 30, "days the backlog spans")
	flag.IntVar(&o.rate, "rate", 20_000, "events per second of the steady phase")
	flag.DurationVar(&o.steady, "steady", 30*time.Second, "length of the steady phase")
	flag.StringVar(&o.profile, "profile", "", "write a CPU profile of the drain to this file")
	flag.IntVar(&o.copies, "copies", 0, "store each user so many times more before the restart, to see what very many take. With -quiet: before the first phase")
	flag.StringVar(&o.restoreProfile, "restore-profile", "", "write a CPU profile of the restart to this file")
	flag.StringVar(&o.heapProfile, "heap-profile", "", "write a heap profile of what a restored worker holds to this file")
	sharing := flag.Bool("workers", false, "measure only what 1, 2 and 4 workers that share the partitions cost")
	rolling := flag.Bool("rolling", false, "measure only how fresh the numbers stay while two workers are restarted, one after the other, at -rate for -steady")
	reading := flag.Bool("reading", false, "measure only what reading costs, by how several workers get what is their own")
	changing := flag.Bool("definitions", false, "measure only how fresh the views are while a changed catalog is computed beside")
	flag.BoolVar(&o.collector, "collector", true, "measure the collector")
	quiet := flag.Bool("quiet", false, "measure only what a memory budget costs when most of the users are quiet: -users and their -copies are known, -active of them come, in each of three phases of -events")
	flag.IntVar(&o.active, "active", 0, "with -quiet, users who come; 0: a tenth of those who are known")
	flag.IntVar(&o.worst, "worst", 0, "with -quiet, events of the phase in which each is of a quiet user; 0: -events")
	flag.IntVar(&o.forUsers, "for-users", 0, "how much memory (MiB) users may take in a worker that is restarted; 0: any. With -quiet: how much of -memory, 0: as much as run gives them. With few users this takes the place of a -memory that the worker itself would fill")
	flag.StringVar(&o.memory, "memory", "", "as FIRSTLIGHT_MEMORY")
	flag.Parse()
	budget, err := memory.Parse(o.memory)
	if err != nil {
		fmt.Fprintln(os.Stderr, "firstlight-bench: -memory", err)
		os.Exit(2)
	}
	if !*quiet { // there the budget is of workers, which are processes of their own
		memory.Limit(budget)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	work := run
	if *reading {
		work = measureReading
	}
	if *sharing {
		work = measureWorkers
	}
	if *rolling {
		work = measureRolling
	}
	if *changing {
		work = measureDefinitions
	}
	if *quiet {
		o.active = cmp.Or(o.active, o.known()/10)
		work = measureQuiet
	}
	if err := inFolder(ctx, o, work); err != nil {
		fmt.Fprintln(os.Stderr, "firstlight-bench:", err)
		os.Exit(1)
	}
}

// inFolder measures something with a folder for the servers, which is thrown away.
func inFolder(ctx context.Context, o options, measure func(context.Context, options) error) error {
	dir, err := os.MkdirTemp("", "firstlight-bench")
	if err != nil {
		return fmt.Errorf("create a folder for the servers: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover in the temporary folder harms nobody
	o.dir = dir
	return measure(ctx, o)
}

func run(ctx context.Context, o options) error {
	c, problems := catalog.Load(schemas.ExampleSaaS, kind.All)
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

	if o.collector {
		if err := measureCollector(ctx, o, row); err != nil {
			return err
		}
	}
	published, err := s.backlog(ctx, o)
	if err != nil {
		return err
	}
	row("publishing the backlog, async", perSecond(o.events, published), "")
	bare, err := s.bare(ctx, o.events)
	if err != nil {
		return err
	}
	row("bare JetStream, one ordered consumer", perSecond(o.events, bare.took), "")
	row("CPU per event, bare JetStream", fmt.Sprintf("%.2f µs", micros(bare.cpu)/float64(o.events)), "")

	drained, err := s.drain(ctx, c, o)
	if err != nil {
		return err
	}
	row("whole pipeline, drained into ClickHouse", perSecond(o.events, drained.took), "")
	row("ratio to bare", fmt.Sprintf("%.2f", bare.took.Seconds()/drained.took.Seconds()), ">= 0.4")
	row("CPU per event, worker with JetStream", fmt.Sprintf("%.2f µs", drained.cpu.Seconds()*1e6/float64(o.events)), "")
	row("CPU per event, ClickHouse engine", fmt.Sprintf("%.2f µs", drained.engine.Seconds()*1e6/float64(o.events)), "")

	if err := s.load(ctx, o.events); err != nil {
		return err
	}
	asked, err := s.compare(ctx)
	if err != nil {
		return err
	}
	for i, r := range asked {
		row(comparisons[i].what+" over the raw events; the view", fmt.Sprintf("%s; %s", millis(r.raw), millis(r.view)), "")
		row("  rows read", fmt.Sprintf("%d; %d", r.rawRows, r.viewRows), "")
	}

	if o.copies > 0 {
		if err := s.copyUsers(ctx, o.copies); err != nil {
			return err
		}
	}
	restored, err := s.restore(ctx, c, o)
	if err != nil {
		return err
	}
	row("users restored at start", perSecond(restored.users, restored.took), ">= 200,000/s")
	row("CPU per user restored: worker, engine", fmt.Sprintf("%.2f, %.2f µs", micros(restored.cpu)/float64(restored.users), micros(restored.engine)/float64(restored.users)), "")
	row("heap per user held, cells included", fmt.Sprintf("%.0f B", float64(restored.heap)/float64(restored.users)), "<= 400 B")

	if o.steady == 0 {
		return table.Flush()
	}
	fresh, err := s.freshness(ctx, c, o)
	if err != nil {
		return err
	}
	row(fmt.Sprintf("freshness at %d events/s, p50", o.rate), fresh.p50.Round(time.Millisecond).String(), "")
	row(fmt.Sprintf("freshness at %d events/s, p99", o.rate), fresh.p99.Round(time.Millisecond).String(), "<= 2.5s")
	row("sent to ClickHouse per event at that rate", fmt.Sprintf("%.2f rows, %.0f B", fresh.rows, fresh.bytes), "")
	return table.Flush()
}

// measureCollector fills the collector's rows of the table.
func measureCollector(ctx context.Context, o options, row func(what, value, aim string)) error {
	collected, err := collector(ctx, o)
	if err != nil {
		return err
	}
	row("publishing with ids, async, directly", fmt.Sprintf("%.0f/s", collected.direct), "")
	row("collector, batches of 100", fmt.Sprintf("%.0f/s", collected.batches), "")
	row("ratio to direct", fmt.Sprintf("%.2f", collected.batches/collected.direct), ">= 0.7")
	row("collector, single events", fmt.Sprintf("%.0f/s", collected.singles), ">= 20,000/s")
	row("CPU per event with JetStream and clients: direct, batches, single", fmt.Sprintf("%.1f, %.1f, %.1f µs", micros(collected.directCPU), micros(collected.batchCPU), micros(collected.singleCPU)), "")
	row("collector, batches at half of that, p99", collected.p99.Round(100*time.Microsecond).String(), "<= 50ms")
	return nil
}

func millis(d time.Duration) string { return d.Round(time.Millisecond).String() }

// cachesExpire is a little more than JetStream's file store keeps blocks that nobody reads.
const cachesExpire = 12 * time.Second

func micros(d time.Duration) float64 { return d.Seconds() * 1e6 }

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
