package main

import (
	"context"
	"net/url"
	"strings"
	"time"

	"firstlight/cmd/firstlight/health"
	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/oncall"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
	"firstlight/sinks/alert"
	"firstlight/sinks/clickhouse"
)

// watcher returns what judges a catalog's anomalies beside the worker, and sends what there is to say.
func (b *backends) watcher(ctx context.Context, c *catalog.Catalog, processor *worker.Worker, metrics *alert.Metrics) (*oncall.Watcher, error) {
	lease, err := stream.NewLease(ctx, b.js, "oncall."+b.settings.Database, processor.Name)
	if err != nil {
		return nil, err
	}
	w := &oncall.Watcher{
		Catalog: c, Store: clickhouse.NewStore(b.conn, b.settings.Database), Lease: lease, Link: func(m *anomaly.Message) string { return b.settings.link(c, m) },
		Health: health.Numbers(processor.Observe, time.Now()), History: processor, PerDay: b.settings.IncidentMessages, Log: b.log, Trouble: b.trouble(),
		Reads: func() bool { return len(processor.Observe().Partitions) > 0 },
	}
	config := b.settings.alerts(c.Product)
	config.Metrics, config.Healthy, config.Trouble = metrics, w.Healthy, b.trouble()
	w.Deliver = func() (oncall.Delivery, error) { return alert.New(config, b.js, b.log) }
	return w, nil
}

// link is where people look at a message's numbers: the metric at the time of the window, for the users that it names.
func (s *Settings) link(c *catalog.Catalog, m *anomaly.Message) string {
	if s.ExternalURL == "" {
		return ""
	}
	q := url.Values{"incident": {m.Incident}}
	if m.Metric.Cohort != "" && m.Metric.Name != anomaly.EntriesMetric { // it has a screen of its own
		q.Set("metric", m.Metric.Name)
		q.Set("from", m.WindowStart.In(c.Location).AddDate(0, 0, -21).Format(time.DateOnly))
		q.Set("until", m.WindowEnd.In(c.Location).AddDate(0, 0, 7).Format(time.DateOnly))
		if m.Blames() {
			q.Set("segment", m.Contributors[0].Segment)
			q.Set("value", m.Contributors[0].Value)
		}
	}
	return strings.TrimRight(s.ExternalURL, "/") + "/?" + q.Encode()
}
