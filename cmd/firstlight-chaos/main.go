// Command firstlight-chaos runs Firstlight as it is run for good, three NATS servers, several workers and ClickHouse, each a process of
// its own, and lets happen to them what happens to servers while events come. In the end every number must be the oracle's.
// With -soak nothing is done to them: memory, goroutines and open files must not grow.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"firstlight/cmd/firstlight-chaos/internal/faults"
	"firstlight/cmd/firstlight-chaos/internal/lab"
	"firstlight/cmd/firstlight-chaos/internal/servers"
	"firstlight/cmd/firstlight-chaos/internal/soak"
)

// options are what the command line says.
type options struct {
	seed                        uint64
	faults, workers, partitions int
	round                       time.Duration
	soak                        time.Duration
	bin                         string
	only                        *regexp.Regexp
}

func main() {
	servers.Serve()
	var o options
	flag.Uint64Var(&o.seed, "seed", 1, "decides the events, and which faults come in which order")
	flag.IntVar(&o.faults, "faults", 300, "faults of a run, no two the same")
	flag.IntVar(&o.workers, "workers", 3, "worker processes")
	flag.IntVar(&o.partitions, "partitions", 6, "partitions that they share")
	flag.DurationVar(&o.round, "round", 8*time.Second, "how long faults begin before recovery is waited for")
	flag.DurationVar(&o.soak, "soak", 0, "no faults: a steady load for so long, and whether anything grows")
	flag.StringVar(&o.bin, "bin", "", "the folder of firstlight and firstlight-clickhouse; empty: that of this program")
	flag.Func("only", "a regular expression: only faults that are said so, such as 'disk' or 'worker 1 is killed .* cells'", func(text string) (err error) {
		o.only, err = regexp.Compile(text)
		return err
	})
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "firstlight-chaos:", err)
		os.Exit(1)
	}
}

// run prints a table to out, and what happens meanwhile to log.
func run(ctx context.Context, o options, out, log io.Writer) error {
	if o.bin == "" {
		self, err := os.Executable()
		if err != nil {
			return fmt.Errorf("find this program: %w", err)
		}
		o.bin = filepath.Dir(self)
	}
	bin, err := filepath.Abs(o.bin)
	if err != nil {
		return fmt.Errorf("find the programs in %s: %w", o.bin, err)
	}
	dir, err := os.MkdirTemp("", "firstlight-chaos")
	if err != nil {
		return fmt.Errorf("create a folder for the servers: %w", err)
	}
	what := chaos
	if o.soak > 0 {
		what = soaked
	}
	err = inLab(ctx, lab.Config{
		Dir: dir, Bin: bin, Seed: o.seed, Workers: o.workers, Partitions: o.partitions, Flush: 200 * time.Millisecond, Wave: time.Second,
	}, func(l *lab.Lab) error { return what(ctx, o, l, out, log) })
	if err == nil || ctx.Err() != nil {
		return errors.Join(err, os.RemoveAll(dir))
	}
	return fmt.Errorf("%w\nwhat the processes said is in %s", err, dir)
}

// inLab starts a lab for something to be done with it.
func inLab(ctx context.Context, c lab.Config, do func(*lab.Lab) error) error {
	l, err := lab.Start(ctx, c)
	if err != nil {
		return err
	}
	defer l.Stop()
	return do(l)
}

// chaos does faults to the lab and judges what is left.
func chaos(ctx context.Context, o options, l *lab.Lab, out, log io.Writer) error {
	if err := l.Cluster.NoDisks; err != nil {
		fmt.Fprintln(log, "no NATS server's disk is filled:", err)
	}
	began := time.Now()
	result, err := faults.Run(ctx, l, faults.Options{Seed: o.seed, Faults: o.faults, Only: o.only, Round: o.round, Log: log})
	if result != nil {
		report(out, result, l.Ends(), time.Since(began))
	}
	if err != nil {
		return err
	}
	return verdict(result, l.Ends())
}

// soaked gives the lab a steady load of some 500 events/s.
func soaked(ctx context.Context, o options, l *lab.Lab, out, log io.Writer) error {
	r, err := soak.Run(ctx, l, soak.Options{
		Seed: o.seed, During: o.soak, Users: 5000, PerWave: 100, Tick: 200 * time.Millisecond, Every: max(time.Second, o.soak/60), Log: log,
	})
	if err != nil {
		return err
	}
	reportSoak(out, r, o.soak)
	wrong := r.Wrong()
	for _, e := range l.Ends() {
		wrong = append(wrong, fmt.Sprintf("%s ended by itself with %d: %s", e.Worker, e.Code, e.Said))
	}
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "\n"))
	}
	return nil
}
