package anomaly

import (
	"math"
	"time"

	"firstlight/pipeline/annotation"
)

// Composing a message from a fact: everything but its place in the incident and what segments explain.

// compose fills in what is known of a fact.
func (j *judge) compose(f *fact, reason Reason) Message {
	g := &f.of.finding
	s := f.of.span
	m := Message{
		Reason: reason, Severity: f.watch.severity, Metric: j.describe(f.watch.subject),
		Window: s.window, WindowStart: time.Unix(s.start, 0).UTC(), WindowEnd: time.Unix(s.end, 0).UTC(),
		AgeSeconds: uint64(g.ageMs / 1000), K: uint64(max(0, g.k)), N: uint64(max(0, g.n)), Value: known(g.value), Unit: g.unit, Limit: known(g.limit),
		Expected: known(g.expected.value), ExpectedLow: known(g.expected.low), ExpectedHigh: known(g.expected.high),
		BaselineDays: g.baselineDays, UsersLost: known(g.lost), Method: g.method, PValue: known(g.p), EValue: known(g.e),
		Flags: g.flags,
	}
	if m.Value != nil && m.Expected != nil && *m.Expected > 0 && g.unit != Events {
		m.Relative = known(*m.Value / *m.Expected - 1)
	}
	if !f.watch.guardrail && f.watch.subject.metric >= 0 {
		m.SeriesTested = j.series
	}
	if f.watch.subject.metric >= 0 && s.end+int64(j.catalog.AllowedLateness.Seconds()) > j.evidence.AsOf {
		m.Flags = append(m.Flags, "not final: late events can still correct it")
	}
	m.Annotations = j.near(m.Metric.Name, f)
	m.Title = j.title(f)
	m.SQL = j.query(f)
	for _, a := range f.also {
		m.Also = append(m.Also, j.mention(a))
	}
	return m
}

// known is a number as messages carry it: absent where it is unknown.
func known(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

func (j *judge) describe(s subject) MetricInfo {
	switch {
	case s.cohort != "":
		return MetricInfo{
			Name: EntriesMetric, Kind: "entries", Cohort: s.cohort, Direction: "up",
			Action: "Try to enter " + s.cohort + " yourself; look at the last deploy, the forms and mails on the way, and where visitors come from",
		}
	case s.metric < 0:
		return MetricInfo{
			Name: VolumeMetric, Kind: "events", Owner: j.catalog.Source(s.source).Owner, Labels: map[string]string{"source": s.source},
			Action: "Find out whether " + s.source + " publishes: its process, its connection to NATS, its last deploy",
		}
	}
	m := &j.catalog.Metrics[s.metric]
	return MetricInfo{
		Name: m.Name, Kind: m.Kind.String(), Cohort: j.catalog.Cohorts[m.Cohort].Name, Objective: m.Objective, Owner: m.Owner,
		Direction: m.Direction, Action: m.Action, Runbook: m.Runbook, Labels: m.Labels,
	}
}

// mention is what is said of a condition that another one leads.
func (j *judge) mention(a alsoBroken) Also {
	f := fact{watch: a.episode.watch, of: a.newest.of, openedBy: a.episode.events[0].of, beside: true}
	reason := a.episode.events[0].reason
	return Also{Metric: j.name(f.watch.subject), Reason: reason, Severity: f.watch.severity, Summary: j.sentence(&f, a.newest.state, reason)}
}

// nearby (ms) is how long before a window annotations may explain it.
const nearby = 2 * 86400 * 1000

// maxAnnotations bounds what one message cites.
const maxAnnotations = 10

// near cites the annotations from two days before the window that opened the incident to the end of the one judged.
func (j *judge) near(metric string, f *fact) []Annotation {
	from, until := f.openedBy.span.start*1000-nearby, f.of.span.end*1000
	var all []Annotation
	for i := range j.evidence.Annotations {
		a := &j.evidence.Annotations[i]
		if !a.Concerns(metric) || !a.Overlaps(from, until, j.catalog.Location) || len(all) == maxAnnotations {
			continue
		}
		all = append(all, cited(a))
	}
	return all
}

func cited(a *annotation.Annotation) Annotation {
	n := Annotation{Kind: string(a.Kind), Source: a.Source, Time: time.UnixMilli(a.At).UTC(), Title: a.Title, URL: a.URL}
	if a.Until > 0 {
		until := time.UnixMilli(a.Until).UTC()
		n.Until = &until
	}
	return n
}
