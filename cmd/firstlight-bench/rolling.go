package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"text/tabwriter"
	"time"

	"firstlight/sinks/clickhouse"
)

// How fresh the numbers stay while all workers are restarted, one after the other: from when an event is published until it is stored with
// all that it counts.

// rolled is what was seen in one phase.
type rolled struct {
	what   string
	delays []time.Duration
}

// measureRolling prints the table: two workers at a steady rate as they are, and while they are restarted.
func measureRolling(ctx context.Context, o options) error {
	s, p, stop, err := startApart(ctx, o.dir)
	defer stop()
	if err != nil {
		return err
	}
	if _, err := s.backlog(ctx, o); err != nil {
		return err
	}
	t := &task{NATS: p.conn.ConnectedUrl(), ClickHouse: s.engine.DSN(""), Database: "rolled", Partitions: o.partitions, Memory: o.memory}
	if err := clickhouse.Migrate(ctx, s.db, t.Database); err != nil {
		return err
	}
	r := &rolling{servers: s, task: t, store: clickhouse.NewStore(s.db, t.Database), workers: make([]*exec.Cmd, 2)}
	defer r.kill()
	for i := range r.workers {
		if r.workers[i], err = t.start(ctx); err != nil {
			return err
		}
	}
	if err := r.drained(ctx, uint64(o.events)); err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "phase\tevents\tp50\tp99\tat most")
	for _, phase := range []struct {
		what    string
		restart bool
	}{{"as they are", false}, {"restarted one after the other", true}} {
		seen, err := r.steady(ctx, o, phase.what, phase.restart)
		if err != nil {
			return err
		}
		n := len(seen.delays)
		slices.Sort(seen.delays)
		ms := func(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\n", seen.what, n, ms(seen.delays[n/2]), ms(seen.delays[n*99/100]), ms(seen.delays[n-1]))
	}
	return table.Flush()
}

// rolling is workers that are restarted.
type rolling struct {
	*servers
	task    *task
	store   *clickhouse.Store
	workers []*exec.Cmd
}

func (r *rolling) kill() {
	for _, w := range r.workers {
		if w != nil {
			_ = w.Process.Kill() // one that has ended is not there
		}
	}
}

// received are the messages that are stored, by partition.
func (r *rolling) received(ctx context.Context, partitions int) ([]uint64, error) {
	checkpoints, err := r.store.Checkpoints(ctx)
	out := make([]uint64, partitions)
	for i := range checkpoints {
		out[checkpoints[i].Partition] = checkpoints[i].Received
	}
	return out, err
}

// drained waits until so many messages are stored.
func (r *rolling) drained(ctx context.Context, events uint64) error {
	for {
		all, err := r.received(ctx, r.task.Partitions)
		if err != nil {
			return err
		}
		done := uint64(0)
		for _, n := range all {
			done += n
		}
		if done >= events {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// steady publishes at the rate, and looks when what was published is stored.
func (r *rolling) steady(ctx context.Context, o options, what string, restart bool) (rolled, error) {
	seen := rolled{what: what}
	base, err := r.received(ctx, o.partitions)
	if err != nil {
		return seen, err
	}
	log := &publishLog{sent: make([][]time.Time, o.partitions)}
	doing := make(chan error, 2)
	go func() { doing <- r.servers.steady(ctx, o, log) }()
	go func() { doing <- r.restartAll(ctx, o, restart) }()
	counted := make([]uint64, o.partitions)
	for waits := cap(doing); ; {
		stored, err := r.received(ctx, o.partitions)
		if err != nil {
			return seen, err
		}
		now := time.Now()
		for p := range stored {
			seen.delays = append(seen.delays, log.visible(p, counted[p], stored[p]-base[p], now)...)
			counted[p] = stored[p] - base[p]
		}
		if waits == 0 && len(seen.delays) >= log.total() {
			return seen, nil
		}
		select {
		case err := <-doing:
			if err != nil {
				return seen, err
			}
			waits--
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// restartAll restarts each worker once, in equal parts of the phase.
func (r *rolling) restartAll(ctx context.Context, o options, restart bool) (err error) {
	for i := range r.workers {
		if !restart {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(o.steady / time.Duration(len(r.workers)+1)):
		}
		if err := end(r.workers[i]); err != nil {
			return err
		}
		if r.workers[i], err = r.task.start(ctx); err != nil {
			return err
		}
	}
	return nil
}
