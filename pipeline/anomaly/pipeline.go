package anomaly

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// The processing itself: numbers that stand still. Nothing else of this package looks at the wall clock, but that the stream's
// time does not move can be seen by no other.

// Health is what is known of the processing at a moment of the wall clock.
type Health struct {
	Now     time.Time
	Behind  uint64    // stored messages that are not applied
	Moved   time.Time // when messages were last applied, or none were waiting
	Written time.Time // when progress was last written to ClickHouse
	AsOf    time.Time
}

const (
	stalledAfter = 2 * time.Minute  // without movement
	steadyFor    = 30 * time.Second // of movement before all is well
)

// why says what stands still; empty when nothing does.
func (h *Health) why(patience time.Duration) string {
	switch {
	case h.Now.Sub(h.Written) > patience:
		return fmt.Sprintf("no progress could be written to ClickHouse since %s", h.Written.UTC().Format(time.RFC3339))
	case h.Behind > 0 && h.Now.Sub(h.Moved) > patience:
		return fmt.Sprintf("%s in the stream and none was applied since %s", waiting(h.Behind), h.Moved.UTC().Format(time.RFC3339))
	}
	return ""
}

// waiting says how many messages wait.
func waiting(n uint64) string {
	switch n {
	case 0:
		return "no message waits"
	case 1:
		return "1 message waits"
	}
	return fmt.Sprintf("%d messages wait", n)
}

// Pipeline is the state of the incident that the processing is.
type Pipeline struct {
	Product string
	Last    *Message // the newest message, nil when there never was one

	steady time.Time // since when all is well; zero when it is not
}

// Step returns what is to be said now, nil for nothing.
func (p *Pipeline) Step(h Health) *Message {
	open := p.Last != nil && p.Last.Open()
	why := h.why(stalledAfter)
	switch {
	case why != "":
		p.steady = time.Time{}
		if !open {
			return p.say(h, Opened, Stalled, "Numbers stand still: "+why+". Metrics are judged again once they are complete.")
		}
	case open && p.steady.IsZero():
		p.steady = h.Now
	case open && h.Now.Sub(p.steady) >= steadyFor:
		return p.say(h, Resolved, Recovered, fmt.Sprintf("Recovered: numbers move again, %s.", waiting(h.Behind)))
	}
	return nil
}

func (p *Pipeline) say(h Health, state State, reason Reason, summary string) *Message {
	sum := sha256.Sum256([]byte(p.Product))
	m := &Message{
		Seq: 1, Step: 1, At: h.Now.UTC(), OpenedAt: h.Now.UTC(), State: state, Reason: reason, Severity: Critical,
		Incident: fmt.Sprintf("%s-%s-%s", PipelineMetric, h.Now.UTC().Format("20060102T150405"), hex.EncodeToString(sum[:4])),
		Title:    "Numbers stand still", Summary: summary, WindowStart: h.AsOf.UTC(), WindowEnd: h.Now.UTC(), Unit: Events, K: h.Behind,
		Metric: MetricInfo{
			Name: PipelineMetric, Kind: "pipeline", Action: "Look at firstlight's log and /readyz; bring back ClickHouse or NATS, or start firstlight again",
		},
		Method: "nothing moved for " + stalledAfter.String(),
		SQL:    "SELECT partition, lag, arrival_clock, updated_at FROM pipeline_progress",
	}
	if state != Opened {
		m.Incident, m.OpenedAt, m.Seq, m.Step = p.Last.Incident, p.Last.OpenedAt, p.Last.Seq+1, p.Last.Step+1
	}
	p.Last, p.steady = m, time.Time{}
	return m
}
