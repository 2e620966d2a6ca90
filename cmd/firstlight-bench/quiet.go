package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"firstlight/cmd/internal/cputime"
	"firstlight/cmd/internal/memory"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
)

// What a memory budget costs when most users are quiet: of the users that are known some come, and a worker with the budget applies
// their events beside one that holds all users. Both begin with the same stored numbers. Workers, server and engine are processes of
// their own.

// phase is an hour of events.
type phase struct {
	what   string
	events int
	user   func(r *rand.Rand, event int) int // by number, of those who are known
}

// phases are the hours after that in which all users became known, in turn.
func phases(o options) []phase {
	known := o.known()
	among := func(r *rand.Rand, _ int) int { return scattered(r.IntN(o.active), known) }
	return []phase{
		{"active users come back", o.events, among},
		{"active users stay", o.events, among},
		{"every event is of a quiet user", cmp.Or(o.worst, o.events), func(_ *rand.Rand, event int) int { return scattered(o.active+event%(known-o.active), known) }},
	}
}

// known is how many users are known when the first hour begins.
func (o *options) known() int { return o.users * (1 + o.copies) }

// scattered is the i-th of n users in an order that has nothing to do with that in which they became known.
func scattered(i, n int) int { return int(uint64(i) * 2_654_435_761 % uint64(n)) }

// drainReport is what a worker says of one drain: first once it is ready, then at its end.
type drainReport struct {
	Known, InMemory, InMemoryAfter int
	Ready, ReadyCPU                time.Duration
	Took, CPU                      time.Duration
	Returned                       worker.Returned
	Resident                       int64 // bytes at most
}

// reportDrain drains the stream and prints two reports.
func reportDrain(ctx context.Context, w *worker.Worker, profile string) error {
	w.Drain = true
	began, ended := time.Now(), make(chan error, 1)
	stopProfile, err := startProfile(nameOf(profile, "ready"))
	if err != nil {
		return err
	}
	go func() { ended <- w.Run(ctx) }()
	for !w.Observe().Recovered {
		select {
		case err := <-ended:
			return errors.Join(errors.New("the worker ended early"), err)
		case <-time.After(time.Millisecond):
		}
	}
	r := drainReport{Ready: time.Since(began), ReadyCPU: cputime.Used()}
	stopProfile()
	r.Known, r.InMemory = usersOf(w)
	if err := writeHeap(nameOf(profile, "heap")); err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
		return fmt.Errorf("say that the worker is ready: %w", err)
	}
	began, cpu := time.Now(), cputime.Used()
	if stopProfile, err = startProfile(nameOf(profile, "drain")); err != nil {
		return err
	}
	if err := <-ended; err != nil {
		return err
	}
	stopProfile()
	r.Took, r.CPU, r.Returned = time.Since(began), cputime.Used()-cpu, w.Observe().Returned
	_, r.InMemoryAfter = usersOf(w)
	if r.Resident, err = mostResident(); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(r)
}

func nameOf(profile, phase string) string {
	if profile == "" {
		return ""
	}
	return profile + "." + phase
}

func usersOf(w *worker.Worker) (known, inMemory int) {
	for _, p := range w.Observe().Partitions {
		known, inMemory = known+p.Known, inMemory+p.Users
	}
	return known, inMemory
}

// mostResident is how much of this process was in memory at most, 0 where the system does not tell.
func mostResident() (bytes int64, err error) {
	status, err := os.ReadFile("/proc/self/status")
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("read what is resident: %w", err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kB, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	n, err := strconv.ParseInt(kB, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("read what is resident: %w", err)
	}
	return n << 10, nil
}

// measureQuiet prints the table.
func measureQuiet(ctx context.Context, o options) error {
	s, p, stop, err := startApart(ctx, o.dir)
	defer stop()
	if err != nil {
		return err
	}
	if _, err := stream.Ensure(ctx, s.js, "EVENTS"); err != nil {
		return err
	}
	all := task{NATS: p.conn.ConnectedUrl(), ClickHouse: s.engine.DSN(""), Database: "all_in_memory", Partitions: o.partitions, Drain: true}
	budget := all
	budget.Database, budget.Memory, budget.ForUsers = "budget", cmp.Or(o.memory, fmt.Sprint(memory.Least>>20, "MiB")), o.forUsers<<20
	start := time.Now().UTC().Add(-6 * time.Hour).Truncate(time.Hour)
	if err := s.becomeKnown(ctx, o, start); err != nil {
		return err
	}
	if err := clickhouse.Migrate(ctx, s.db, all.Database); err != nil {
		return err
	}
	if _, err := s.drainAt(ctx, all); err != nil {
		return err
	}
	users, err := s.multiply(ctx, o, all.Database)
	if err != nil {
		return err
	}
	if err := clickhouse.Migrate(ctx, s.db, budget.Database); err != nil {
		return err
	}
	if err := s.copyNumbers(ctx, all.Database, budget.Database, o.partitions); err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "phase\tmemory\tready; known, in memory\tCPU a user restored: worker, engine\tevents/s\tratio\tCPU an event: worker, engine\tusers read back, queries, each\tin memory after\tresident")
	for i, hour := range phases(o) {
		fmt.Fprintf(os.Stderr, "an hour in which %s: publishing, and draining twice\n", hour.what)
		if err := s.publishHour(ctx, &hour, users, start.Add(time.Duration(i+1)*time.Hour), 3*o.users+i*o.events); err != nil {
			return err
		}
		before := time.Duration(0)
		for _, t := range []task{all, budget} {
			if t.Profile = ""; o.profile != "" {
				t.Profile = fmt.Sprintf("%s.%s.%d", o.profile, t.Database, i)
			}
			d, err := s.drainAt(ctx, t)
			if err != nil {
				return err
			}
			d.print(table, &hour, t, before)
			before = d.Took
		}
	}
	return table.Flush()
}

func (d *quietDrain) print(table *tabwriter.Writer, p *phase, t task, before time.Duration) {
	ratio, each, memory := "", time.Duration(0), t.Memory
	if t.ForUsers > 0 {
		memory = fmt.Sprintf("%s, users %d MiB", t.Memory, t.ForUsers>>20)
	}
	if before > 0 {
		ratio = fmt.Sprintf("%.2f", before.Seconds()/d.Took.Seconds())
	}
	if d.Returned.Batches > 0 {
		each = d.Returned.Took / time.Duration(d.Returned.Batches)
	}
	per := func(d time.Duration, n int) float64 { return micros(d) / float64(n) }
	fmt.Fprintf(table, "%s\t%s\t%s; %d, %d\t%.1f, %.1f µs\t%.0f\t%s\t%.1f, %.1f µs\t%d, %d, %s\t%d\t%d MiB\n", p.what, memory, d.Ready.Round(10*time.Millisecond), d.Known, d.InMemory,
		per(d.ReadyCPU, d.Known), per(d.readyEngine, d.Known), float64(p.events)/d.Took.Seconds(), ratio, per(d.CPU, p.events), per(d.engine-d.readyEngine, p.events),
		d.Returned.Users, d.Returned.Batches, each.Round(time.Millisecond), d.InMemoryAfter, d.Resident>>20)
	_ = table.Flush()
}

// quietDrain is what a drain took of the worker and of the engine.
type quietDrain struct {
	drainReport
	readyEngine, engine time.Duration
}

// drainAt has a worker in a process of its own drain the stream.
func (s *servers) drainAt(ctx context.Context, t task) (d quietDrain, err error) {
	text, err := json.Marshal(t)
	if err != nil {
		return d, fmt.Errorf("write the task: %w", err)
	}
	path, err := os.Executable()
	if err != nil {
		return d, fmt.Errorf("find this program: %w", err)
	}
	before := s.engineCPU()
	command := exec.CommandContext(ctx, path)
	command.Env, command.Stderr = append(os.Environ(), workVariable+"="+string(text)), os.Stderr
	output, err := command.StdoutPipe()
	if err != nil {
		return d, fmt.Errorf("start a worker: %w", err)
	}
	if err := command.Start(); err != nil {
		return d, fmt.Errorf("start a worker: %w", err)
	}
	says := json.NewDecoder(output)
	ready := says.Decode(&d.drainReport)
	d.readyEngine = s.engineCPU() - before
	done := says.Decode(&d.drainReport)
	d.engine = s.engineCPU() - before
	if err := cmp.Or(command.Wait(), ready, done); err != nil {
		return d, fmt.Errorf("drain into %s: %w", t.Database, err)
	}
	return d, nil
}

// publishHour publishes the events of a phase, once so many are.
func (s *servers) publishHour(ctx context.Context, p *phase, users *names, at time.Time, published int) error {
	r := rand.New(rand.NewPCG(3, uint64(published)))
	for i := range p.events {
		if err := s.publishAt(users.name(p.user(r, i)), eventNames[r.IntN(len(eventNames))], at.Add(time.Hour/time.Duration(p.events)*time.Duration(i)), published+i, r); err != nil {
			return err
		}
	}
	return s.published(ctx)
}
