package collect

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what a collector tells Prometheus. No label holds anything that a client has sent.
type metrics struct {
	prometheus.Collector // all of them

	requests *prometheus.CounterVec
	events   *prometheus.CounterVec
	seconds  prometheus.Histogram
	counts   [3]atomic.Int64 // stored, refused and unavailable, for people
}

// Counts are events since the collector started.
type Counts struct {
	Stored      int64 `json:"stored"` // those that the stream had included
	Refused     int64 `json:"refused"`
	Unavailable int64 `json:"unavailable"` // to be sent again, because they could not be stored
}

// Counts says what became of the events that came.
func (c *Collector) Counts() Counts {
	n := &c.metrics.counts
	return Counts{n[0].Load(), n[1].Load(), n[2].Load()}
}

// What became of an event, as the metric says it; a refused one has its reason.
const (
	stored    = "stored"
	duplicate = "duplicate"
	withheld  = "withheld" // the browser asks for privacy, and that is honoured
	unstored  = "unavailable"
)

func newMetrics(s *Sender, inFlight func() float64) *metrics {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "firstlight", Subsystem: "collect", Name: name, Help: help}
	}
	of := func(name, help string, get func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts(name, help)), get)
	}
	all := prometheus.NewRegistry()
	m := &metrics{
		Collector: all,
		requests:  prometheus.NewCounterVec(prometheus.CounterOpts(opts("requests_total", "Requests to the collector, by form and HTTP status")), []string{"form", "code"}),
		events:    prometheus.NewCounterVec(prometheus.CounterOpts(opts("events_total", "Events by outcome: stored, duplicate, withheld, unavailable (to be sent again), or the reason of a refusal")), []string{"outcome"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "firstlight", Subsystem: "collect", Name: "request_duration_seconds", Help: "How long requests that carry events took to answer",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	all.MustRegister(m.requests, m.events, m.seconds,
		of("in_flight_bytes", "Bytes of requests being answered", inFlight),
		of("in_flight_events", "Events that wait for the stream's acknowledgement", func() float64 { return float64(s.Pending.Load()) }),
		of("connected", "1 while there is a connection to NATS", func() float64 {
			if s.Connected() {
				return 1
			}
			return 0
		}))
	for _, outcome := range []string{stored, duplicate, withheld, unstored} { // zeroes too: a rate needs the time before the first
		m.events.WithLabelValues(outcome)
	}
	return m
}

func (m *metrics) answered(form string, code int, took time.Duration, carries bool) {
	m.requests.WithLabelValues(form, strconv.Itoa(code)).Inc()
	if carries {
		m.seconds.Observe(took.Seconds())
	}
}

func (m *metrics) became(outcome string, n int) {
	switch outcome {
	case stored, duplicate:
		m.counts[0].Add(int64(n))
	case withheld:
	case unstored:
		m.counts[2].Add(int64(n))
	default:
		m.counts[1].Add(int64(n))
	}
	if n > 0 {
		m.events.WithLabelValues(outcome).Add(float64(n))
	}
}
