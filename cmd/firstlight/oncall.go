package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/oncall"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
	"firstlight/sinks/alert"
	"firstlight/sinks/clickhouse"
)

// watcher returns what judges a catalog's anomalies beside the worker, and sends what there is to say.
func (b *backends) watcher(ctx context.Context, c *catalog.Catalog, observe func() worker.Observation, metrics *alert.Metrics) (*oncall.Watcher, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name this worker: %w", err)
	}
	lease, err := stream.NewLease(ctx, b.js, "oncall."+b.settings.Database, fmt.Sprintf("%s/%d", host, os.Getpid()))
	if err != nil {
		return nil, err
	}
	w := &oncall.Watcher{
		Catalog: c, Store: clickhouse.NewStore(b.conn, b.settings.Database), Lease: lease, Link: b.settings.link,
		Health: health(observe, time.Now()), Log: b.log,
	}
	config := b.settings.alerts(c.Product)
	config.Metrics, config.Healthy = metrics, w.Healthy
	w.Deliver = func() (oncall.Delivery, error) { return alert.New(config, b.js, b.log) }
	return w, nil
}

// link is where people look at a message's numbers.
func (s *Settings) link(m *anomaly.Message) string {
	if s.ExternalURL == "" {
		return ""
	}
	q := url.Values{"incident": {m.Incident}}
	if m.Metric.Cohort != "" { // it has a screen of its own
		q.Set("metric", m.Metric.Name)
	}
	return strings.TrimRight(s.ExternalURL, "/") + "/?" + q.Encode()
}

// health tells from a worker's observations whether numbers move. It remembers when they last did, since start at the earliest.
func health(observe func() worker.Observation, start time.Time) func(time.Time) anomaly.Health {
	moved, applied := start, uint64(0)
	return func(now time.Time) anomaly.Health {
		o := observe()
		h := anomaly.Health{Now: now, Written: start}
		if o.Reported.After(start) {
			h.Written = o.Reported
		}
		sum, asOf := uint64(0), int64(0)
		for i := range o.Partitions {
			p := &o.Partitions[i]
			sum += p.Accounts.AppliedSeq
			h.Behind += p.Lag
			if i == 0 || p.AsOf < asOf {
				asOf = p.AsOf
			}
		}
		if sum != applied || h.Behind == 0 {
			moved, applied = now, sum
		}
		h.Moved, h.AsOf = moved, time.UnixMilli(asOf)
		return h
	}
}
