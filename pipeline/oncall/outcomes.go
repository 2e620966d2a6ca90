package oncall

import (
	"context"
	"fmt"
	"time"

	"firstlight/pipeline/anomaly"
	"firstlight/sinks/clickhouse"
)

// followUp says in the thread of an incident what came of an action about it, once that can be known, and once only: what was said is in
// the log. What is more than its day may have is said on the next.
func (w *Watcher) followUp(ctx context.Context, asOf time.Time) error {
	known, err := w.Store.Outcomes(ctx)
	if err != nil {
		return err
	}
	for _, o := range known {
		said, err := w.Store.MessagesOf(ctx, o.Incident)
		if err != nil {
			return err
		}
		m := outcome(o, said)
		if m == nil || !m.Follows(&said[len(said)-1], asOf, w.Catalog, w.PerDay) {
			continue
		}
		m.Link = w.Link(m)
		told := []anomaly.Message{*m}
		if err := w.Store.WriteMessages(ctx, told); err != nil {
			return err
		}
		w.logSaid(told)
		w.delivery.Tell(told)
	}
	return nil
}

// outcome is what is to be said about an action after the messages of its incident, nil when it was said or there is no incident. The
// incident stands as it stood.
func outcome(o clickhouse.Outcome, said []anomaly.Message) *anomaly.Message {
	if len(said) == 0 {
		return nil
	}
	for i := range said {
		if of := said[i].Outcome; of != nil && of.Source == o.Source && of.ID == o.ID {
			return nil
		}
	}
	m := said[len(said)-1]
	if m.State == anomaly.Opened {
		m.State = anomaly.Updated
	}
	m.Summary = fmt.Sprintf("What came of “%s” (%s): %s", o.Title, o.At.UTC().Format("2 January 2006"), o.Action.Outcome())
	m.Outcome = &anomaly.Outcome{Source: o.Source, ID: o.ID, Title: o.Title, At: o.At, Verdict: o.Verdict, ExplainedBy: o.ExplainedBy}
	return &m
}
