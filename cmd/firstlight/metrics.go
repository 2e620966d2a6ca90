package main

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"firstlight/pipeline/event"
	"firstlight/pipeline/worker"
)

// The metrics of a worker for Prometheus. Counters continue over restarts: they are the stored accounts.

// flushSeconds measures how long flushes take.
func newFlushSeconds() prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: "firstlight", Name: "flush_duration_seconds",
		Help:    "How long it took to store what the partitions changed",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
	})
}

// registry returns everything /metrics shows.
func registry(observe func() worker.Observation, flushSeconds prometheus.Collector, more ...prometheus.Collector) *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewBuildInfoCollector(), flushSeconds, newWorkerCollector(observe),
	)
	r.MustRegister(more...)
	return r
}

// workerCollector reads one observation per scrape, so that a scrape's values belong together.
type workerCollector struct {
	observe func() worker.Observation
	single  []single
	each    []each
	dead    *prometheus.Desc
}

// single is a value of the whole worker; each is one of every partition.
type (
	single struct {
		desc *prometheus.Desc
		kind prometheus.ValueType
		of   func(*worker.Observation) (float64, bool)
	}
	each struct {
		desc *prometheus.Desc
		kind prometheus.ValueType
		of   func(*worker.PartitionObservation) (float64, bool)
	}
)

func newWorkerCollector(observe func() worker.Observation) *workerCollector {
	c := &workerCollector{observe: observe, dead: desc("events_dead_total", "Messages refused, by reason", "partition", "reason")}
	c.whole("recovered", "1 once all partitions are loaded and messages are taken", func(o *worker.Observation) (float64, bool) {
		if o.Recovered {
			return 1, true
		}
		return 0, true
	})
	c.whole("progress_timestamp_seconds", "When progress was last written to ClickHouse", func(o *worker.Observation) (float64, bool) {
		return seconds(o.Reported.UnixMilli()), !o.Reported.IsZero()
	})
	c.whole("workers", "Workers that share the partitions, this one included", func(o *worker.Observation) (float64, bool) {
		return float64(o.Workers), o.Recovered
	})
	c.whole("partitions_held", "Partitions that run in this worker", func(o *worker.Observation) (float64, bool) {
		return float64(len(o.Partitions)), o.Recovered
	})
	c.whole("partitions_unheld", "Partitions that nobody holds, or whose holder does not run them yet", func(o *worker.Observation) (float64, bool) {
		n := 0
		for i := range o.Elsewhere {
			if !o.Elsewhere[i].Running {
				n++
			}
		}
		return float64(n), o.Recovered
	})
	c.whole("stream_last_sequence", "Last sequence of the event stream", func(o *worker.Observation) (float64, bool) {
		return float64(o.StreamSeq), !o.Reported.IsZero()
	})
	c.sum("users_returned_total", "Users who were read back because an event of theirs came", func(o *worker.Observation) float64 { return float64(o.Returned.Users) })
	c.sum("users_returned_batches_total", "Batches in which users were read back", func(o *worker.Observation) float64 { return float64(o.Returned.Batches) })
	c.sum("users_returned_seconds_total", "Time that reading users back took", func(o *worker.Observation) float64 { return o.Returned.Took.Seconds() })
	c.counter("events_received_total", "Messages received: applied + ignored + dead", func(p *worker.PartitionObservation) uint64 { return p.Accounts.Received })
	c.counter("events_applied_total", "Events applied", func(p *worker.PartitionObservation) uint64 { return p.Accounts.Applied })
	c.counter("events_ignored_total", "Messages that count in no metric by design", func(p *worker.PartitionObservation) uint64 { return p.Accounts.Ignored })
	c.counter("events_missed_total", "Messages of the whole stream that were gone before they were read; in partition 0", func(p *worker.PartitionObservation) uint64 { return p.Accounts.Missed })
	c.counter("events_clamped_total", "Events from the future whose time became the received time", func(p *worker.PartitionObservation) uint64 { return p.Accounts.Clamped })
	c.counter("events_misrouted_total", "Events applied under a token that is not that of their user", func(p *worker.PartitionObservation) uint64 { return p.Accounts.Misrouted })
	c.counter("selector_failures_total", "Where expressions that failed", func(p *worker.PartitionObservation) uint64 { return total(p.Accounts.Failures) })
	c.counter("capped_total", "Times a cap took effect", func(p *worker.PartitionObservation) uint64 { return total(p.Accounts.Capped) })
	c.gauge("lag_messages", "Stored messages that are not applied yet", func(p *worker.PartitionObservation) (float64, bool) { return float64(p.Lag), true })
	c.gauge("applied_sequence", "Stream sequence up to which everything is stored", func(p *worker.PartitionObservation) (float64, bool) { return float64(p.Accounts.AppliedSeq), true })
	c.gauge("arrival_clock_timestamp_seconds", "Largest received time so far", func(p *worker.PartitionObservation) (float64, bool) {
		return seconds(p.Accounts.ArrivalClock), p.Accounts.ArrivalClock != 0
	})
	c.gauge("watermark_timestamp_seconds", "Events before this time are late", func(p *worker.PartitionObservation) (float64, bool) {
		return seconds(p.Watermark), p.Accounts.ArrivalClock != 0
	})
	c.gauge("as_of_timestamp_seconds", "Received time up to which the partition has applied the stream", func(p *worker.PartitionObservation) (float64, bool) {
		return seconds(p.AsOf), p.AsOf != 0
	})
	c.gauge("users", "Users in memory", func(p *worker.PartitionObservation) (float64, bool) { return float64(p.Users), true })
	c.gauge("users_known", "Users, in memory or not", func(p *worker.PartitionObservation) (float64, bool) { return float64(p.Known), true })
	c.gauge("cells", "Aggregate cells in memory", func(p *worker.PartitionObservation) (float64, bool) { return float64(p.Cells), true })
	return c
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName("firstlight", "", name), help, labels, nil)
}

func (c *workerCollector) whole(name, help string, of func(*worker.Observation) (float64, bool)) {
	c.single = append(c.single, single{desc(name, help), prometheus.GaugeValue, of})
}

// sum is a counter of the whole worker.
func (c *workerCollector) sum(name, help string, of func(*worker.Observation) float64) {
	c.single = append(c.single, single{desc(name, help), prometheus.CounterValue, func(o *worker.Observation) (float64, bool) { return of(o), true }})
}

func (c *workerCollector) counter(name, help string, of func(*worker.PartitionObservation) uint64) {
	c.each = append(c.each, each{desc(name, help, "partition"), prometheus.CounterValue, func(p *worker.PartitionObservation) (float64, bool) {
		return float64(of(p)), true
	}})
}

func (c *workerCollector) gauge(name, help string, of func(*worker.PartitionObservation) (float64, bool)) {
	c.each = append(c.each, each{desc(name, help, "partition"), prometheus.GaugeValue, of})
}

// Describe implements prometheus.Collector.
func (c *workerCollector) Describe(out chan<- *prometheus.Desc) {
	for _, s := range c.single {
		out <- s.desc
	}
	for _, e := range c.each {
		out <- e.desc
	}
	out <- c.dead
}

var deadReasons = []event.Reason{
	event.Malformed, event.MissingEvent, event.MissingUser, event.InvalidUser, event.BadTimestamp, event.TooLarge, event.Late,
}

// Collect implements prometheus.Collector.
func (c *workerCollector) Collect(out chan<- prometheus.Metric) {
	o := c.observe()
	for _, s := range c.single {
		if v, ok := s.of(&o); ok {
			out <- prometheus.MustNewConstMetric(s.desc, s.kind, v)
		}
	}
	for i := range o.Partitions {
		p := &o.Partitions[i]
		label := strconv.Itoa(int(p.Accounts.Partition))
		for _, e := range c.each {
			if v, ok := e.of(p); ok {
				out <- prometheus.MustNewConstMetric(e.desc, e.kind, v, label)
			}
		}
		for _, reason := range deadReasons { // zeroes too: a rate needs the time before the first
			out <- prometheus.MustNewConstMetric(c.dead, prometheus.CounterValue, float64(p.Accounts.Dead[string(reason)]), label, string(reason))
		}
	}
}

func seconds(ms int64) float64 { return float64(ms) / float64(time.Second.Milliseconds()) }

func total(counts map[string]uint64) (sum uint64) {
	for _, n := range counts {
		sum += n
	}
	return sum
}
