package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"firstlight/cmd/internal/memory"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/stream"
	"firstlight/schemas"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/engine"
)

// What an event costs when several workers share the partitions: each worker, the JetStream server and the engine are processes of their
// own, on the same cores however many there are.

// workVariable has this program be a worker.
const workVariable = "FIRSTLIGHT_BENCH_WORKER"

// task is what a worker is told.
type task struct {
	NATS, ClickHouse, Database string
	Partitions                 int

	Drain    bool   // drain the stream and report
	Memory   string // with Drain: as FIRSTLIGHT_MEMORY; empty: all users stay in memory
	ForUsers int    // with Drain: bytes of Memory; 0: as many as run gives them
	Profile  string // with Drain: the beginning of the names of CPU profiles
}

// workAt works until the process is told to end.
func workAt(text string) error {
	var t task
	if err := json.Unmarshal([]byte(text), &t); err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	budget, err := memory.Parse(t.Memory)
	if err != nil {
		return err
	}
	memory.Limit(budget)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	c, problems := catalog.Load(schemas.ExampleSaaS, kind.All)
	if problems.Failed() {
		return fmt.Errorf("the example catalog: %s", problems.Format("saas.yaml"))
	}
	s := &servers{}
	if s.conn, err = nats.Connect(t.NATS); err != nil {
		return fmt.Errorf("connect to the server: %w", err)
	}
	defer s.conn.Close()
	if s.js, err = jetstream.New(s.conn); err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	if s.db, err = clickhouse.Open(ctx, t.ClickHouse); err != nil {
		return err
	}
	defer s.db.Close()
	w, err := newWorker(ctx, s, c, t.Partitions, zap.NewNop())
	if err != nil {
		return err
	}
	w.Store = clickhouse.NewStore(s.db, t.Database)
	if t.Drain {
		if t.Memory != "" {
			w.Memory = cmp.Or(t.ForUsers, memory.ForUsers(budget))
		}
		return reportDrain(ctx, w, t.Profile)
	}
	w.Name, w.Register = fmt.Sprint("bench/", os.Getpid()), stream.NewRegister(s.js, "work."+t.Database)
	return w.Run(ctx)
}

// startApart starts NATS in a process of its own, and the engine. stop ends what was started, also after an error.
func startApart(ctx context.Context, dir string) (s *servers, p *serverProcess, stop func(), err error) {
	if p, err = startServerProcess(ctx, dir); err != nil {
		return nil, nil, func() {}, err
	}
	s = &servers{conn: p.conn, js: p.js}
	stop = func() {
		if s.db != nil {
			s.db.Close()
		}
		if s.engine != nil {
			_ = s.engine.Stop(context.WithoutCancel(ctx)) // the folder is thrown away
		}
		p.stop()
	}
	s.engine, err = engine.Start(ctx, engine.Config{Library: os.Getenv("FIRSTLIGHT_LIBCHDB"), Path: filepath.Join(dir, "clickhouse"), Listen: "127.0.0.1:0"})
	if err == nil {
		s.db, err = clickhouse.Open(ctx, s.engine.DSN(""))
	}
	return s, p, stop, err
}

// measureWorkers prints the table.
func measureWorkers(ctx context.Context, o options) error {
	s, p, stop, err := startApart(ctx, o.dir)
	defer stop()
	if err != nil {
		return err
	}
	before := cpuOf(p.command.Process.Pid)
	if _, err := s.backlog(ctx, o); err != nil {
		return err
	}
	events, err := s.js.Stream(ctx, "EVENTS")
	if err != nil {
		return fmt.Errorf("look at the stream: %w", err)
	}
	fmt.Printf("stored: %d bytes an event, %.2f µs of the server's CPU\n", events.CachedInfo().State.Bytes/uint64(o.events),
		micros(cpuOf(p.command.Process.Pid)-before)/float64(o.events))
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "workers\ttook\tCPU per event: workers\tserver\tengine\tall\tinserts per second and worker")
	for _, workers := range []int{1, 2, 4} {
		c, err := s.share(ctx, o, p, workers)
		if err != nil {
			return fmt.Errorf("%d workers: %w", workers, err)
		}
		per := func(d time.Duration) float64 { return micros(d) / float64(o.events) }
		fmt.Fprintf(table, "%d\t%s\t%.2f µs\t%.2f µs\t%.2f µs\t%.2f µs\t%.1f\n", workers, c.took.Round(10*time.Millisecond),
			per(c.workers), per(c.server), per(c.engine), per(c.workers+c.server+c.engine), float64(c.inserts)/c.took.Seconds()/float64(workers))
	}
	return table.Flush()
}

// shared is what applying a whole stream took.
type shared struct {
	took, workers, server, engine time.Duration
	inserts                       uint64
}

// share has workers apply the stream into a database of their own, from their start until all is stored.
func (s *servers) share(ctx context.Context, o options, p *serverProcess, workers int) (c shared, err error) {
	t := task{NATS: p.conn.ConnectedUrl(), ClickHouse: s.engine.DSN(""), Database: fmt.Sprintf("shared_by_%d", workers), Partitions: o.partitions}
	if err := clickhouse.Migrate(ctx, s.db, t.Database); err != nil {
		return c, err
	}
	inserts, err := s.inserts(ctx)
	if err != nil {
		return c, err
	}
	began, server, engine := time.Now(), cpuOf(p.command.Process.Pid), s.engineCPU()
	processes := make([]*exec.Cmd, workers)
	for i := range processes {
		if processes[i], err = t.start(ctx); err != nil {
			return c, err
		}
		defer func() { _ = processes[i].Process.Kill() }() // one that has ended is not there
	}
	store := clickhouse.NewStore(s.db, t.Database)
	for done := uint64(0); done < uint64(o.events); {
		select {
		case <-ctx.Done():
			return c, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
		checkpoints, err := store.Checkpoints(ctx)
		if err != nil {
			return c, err
		}
		done = 0
		for i := range checkpoints {
			done += checkpoints[i].Received
		}
	}
	c = shared{took: time.Since(began), server: cpuOf(p.command.Process.Pid) - server, engine: s.engineCPU() - engine}
	after, err := s.inserts(ctx)
	if err != nil {
		return c, err
	}
	c.inserts = after - inserts
	for _, command := range processes {
		c.workers += cpuOf(command.Process.Pid)
	}
	for _, command := range processes {
		if err := end(command); err != nil {
			return c, err
		}
	}
	return c, nil
}

// start starts a worker that has the task.
func (t *task) start(ctx context.Context) (*exec.Cmd, error) {
	text, err := json.Marshal(t)
	if err != nil {
		return nil, fmt.Errorf("write the task: %w", err)
	}
	path, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	command := exec.CommandContext(ctx, path)
	command.Env, command.Stderr = append(os.Environ(), workVariable+"="+string(text)), os.Stderr
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	return command, nil
}

// end stops a worker in order.
func end(worker *exec.Cmd) error {
	if err := worker.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop a worker: %w", err)
	}
	if err := worker.Wait(); err != nil {
		return fmt.Errorf("a worker: %w", err)
	}
	return nil
}

// inserts is how many the engine has taken.
func (s *servers) inserts(ctx context.Context) (n uint64, err error) {
	rows, err := s.db.Query(ctx, "SELECT sum(value) FROM system.events WHERE event = 'InsertQuery'")
	if err != nil {
		return 0, fmt.Errorf("count inserts: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, fmt.Errorf("count inserts: %w", err)
		}
	}
	return n, rows.Err()
}
