package alert

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics counts messages by destination. It outlives an Alerts: a process that judges again goes on counting.
type Metrics struct {
	prometheus.Collector // all of them

	sentTotal, failedTotal, withheldTotal *prometheus.CounterVec
	lastSuccess                           *prometheus.GaugeVec
}

// NewMetrics returns counters that stand at zero.
func NewMetrics() *Metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "firstlight", Name: name, Help: help}, []string{"destination"})
	}
	all := prometheus.NewRegistry()
	m := &Metrics{
		Collector:     all,
		sentTotal:     counter("alerts_sent_total", "Messages a destination has taken"),
		failedTotal:   counter("alerts_failed_total", "Attempts to deliver a message that failed"),
		withheldTotal: counter("alerts_withheld_total", "Messages that were not sent one by one: too many, plain updates, or over before anybody was told"),
		lastSuccess: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Namespace: "firstlight", Name: "alerts_last_success_timestamp_seconds", Help: "When a destination last took a message",
		}, []string{"destination"}),
	}
	all.MustRegister(m.sentTotal, m.failedTotal, m.withheldTotal, m.lastSuccess)
	return m
}

// known shows a destination before anything happens there: a rate needs the time before the first.
func (m *Metrics) known(destination string) {
	for _, c := range []*prometheus.CounterVec{m.sentTotal, m.failedTotal, m.withheldTotal} {
		c.WithLabelValues(destination)
	}
}

func (m *Metrics) sent(destination string, now time.Time) {
	m.sentTotal.WithLabelValues(destination).Inc()
	m.lastSuccess.WithLabelValues(destination).Set(float64(now.UnixMilli()) / 1000)
}

func (m *Metrics) failed(destination string) { m.failedTotal.WithLabelValues(destination).Inc() }

func (m *Metrics) withheld(destination string, n int) {
	m.withheldTotal.WithLabelValues(destination).Add(float64(n))
}
