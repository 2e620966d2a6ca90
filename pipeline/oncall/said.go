package oncall

import (
	"go.uber.org/zap"

	"firstlight/pipeline/anomaly"
)

// saidAtOnce is how many incidents one evaluation names in the log, one line each. An import of years may find hundreds; they
// are in the view incidents.
const saidAtOnce = 20

// logSaid writes a line for each incident of which something new is said: where it stands after its newest message.
// Messages of an incident follow each other.
func (w *Watcher) logSaid(messages []anomaly.Message) {
	incidents := 0
	for i := range messages {
		m := &messages[i]
		if i+1 < len(messages) && messages[i+1].Incident == m.Incident {
			continue
		}
		if incidents++; incidents > saidAtOnce {
			continue
		}
		w.Log.Info("incident "+standing(m), zap.String("incident", m.Incident), zap.String("metric", m.Metric.Name), zap.String("severity", string(m.Severity)),
			zap.String("reason", string(m.Reason)), zap.Time("window_start", m.WindowStart), zap.String("says", m.Summary))
	}
	if more := incidents - saidAtOnce; more > 0 {
		w.Log.Info("more incidents, which the view incidents lists", zap.Int("incidents", more))
	}
}

// standing is a word for where an incident stands after a message.
func standing(m *anomaly.Message) string {
	switch {
	case m.Outcome != nil:
		return "followed up"
	case m.State == anomaly.Resolved && m.Reason == anomaly.Muted:
		return "muted"
	case m.State == anomaly.NoData:
		return "without data"
	}
	return string(m.State)
}
