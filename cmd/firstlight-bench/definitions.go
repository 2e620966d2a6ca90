package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"go.uber.org/zap"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/worker"
	"firstlight/schemas"
	"firstlight/sinks/clickhouse"
)

// What it costs those who look at the numbers that other definitions are computed beside: how fresh the views are at a steady rate
// before a change of the catalog and from then on, and how long the backlog takes.

func measureDefinitions(ctx context.Context, o options) error {
	s, err := startServers(ctx, o.dir)
	if err != nil {
		return err
	}
	defer s.stop()
	if _, err := s.backlog(ctx, o); err != nil {
		return err
	}
	before := string(schemas.ExampleSaaS)
	after := strings.Replace(before, "within: 7d", "within: 6d", 1)
	if after == before {
		return errors.New("the example catalog has no metric within 7d to change")
	}
	d := s.definitions(o)
	d.Drain = true
	if err := d.Run(ctx, []byte(before)); err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "%d events of %d users are counted; %d events/s come\tp50\tp99\tin force after\n", o.events, o.users, o.rate)
	for _, c := range []struct{ what, file string }{
		{"nothing changes", before}, {"a metric changes", after}, {"all metrics change", strings.Replace(after, "allowed_lateness: ", "allowed_lateness: 1", 1)},
	} {
		fresh, took, err := s.freshnessWhile(ctx, o, before, c.file)
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		before = c.file
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", c.what, fresh.p50.Round(time.Millisecond), fresh.p99.Round(time.Millisecond), took)
		_ = table.Flush()
	}
	return nil
}

// definitions keeps the numbers to a catalog file.
func (s *servers) definitions(o options) *worker.Definitions {
	return &worker.Definitions{
		Store: clickhouse.NewStore(s.db, database), Log: zap.NewNop(),
		Load: func(source []byte) (*catalog.Catalog, error) {
			c, problems := catalog.Load(source, kind.All)
			if problems.Failed() {
				return nil, errors.New(problems.Format("saas.yaml"))
			}
			return c, nil
		},
		New: func(ctx context.Context, c *catalog.Catalog, _ uint32) (*worker.Worker, error) {
			return s.worker(ctx, c, o)
		},
	}
}

// freshnessWhile measures the freshness from when one catalog file has followed another, and how long that takes to be in force: after
// the steady phase, where it has not been by its end.
func (s *servers) freshnessWhile(ctx context.Context, o options, before, after string) (fresh freshness, took string, err error) {
	d := s.definitions(o)
	var changed time.Time
	switched := make(chan time.Duration, 1)
	ready := func() bool {
		switch {
		case !d.Observe().Recovered:
			return false
		case before == after:
			return true
		case changed.IsZero():
			changed = time.Now()
			d.Change([]byte(after))
			return false
		case d.Building() == nil:
			return false
		}
		go func() {
			for d.Building() != nil && ctx.Err() == nil {
				time.Sleep(stepEvery)
			}
			switched <- time.Since(changed)
		}()
		return true
	}
	fresh, err = s.freshnessOf(ctx, o, func(ctx context.Context) error { return d.Run(ctx, []byte(before)) }, ready)
	select {
	case t := <-switched:
		return fresh, t.Round(time.Second).String(), err
	default:
	}
	if before == after {
		return fresh, "", err
	}
	return fresh, "more than " + o.steady.String(), err
}

const stepEvery = 100 * time.Millisecond
