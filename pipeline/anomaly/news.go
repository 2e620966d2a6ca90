package anomaly

import (
	"time"
)

// What is new: the incidents that the evidence shows now, held against what was said before.

// News is a message that has not been said, and where its explanation comes from.
type News struct {
	Message  Message
	incident *Incident
	step     int // index into incident.Messages
}

// Compare returns what is to be said now. told holds the newest message of every incident that was said; since is the
// stream time of the last evaluation, zero when there was none: what began and ended before it and was not said then is not
// said now, because late events only made it visible.
//
// An incident keeps the identity under which it was first said, also when late events have moved its beginning.
func Compare(incidents []Incident, told []Message, asOf, since time.Time) []News {
	c := comparison{asOf: asOf, since: since, byID: map[string]*Message{}, used: map[string]bool{}}
	for i := range told {
		c.byID[told[i].Incident] = &told[i]
	}
	for i := range incidents {
		c.incident(&incidents[i], told)
	}
	for i := range told {
		if m := &told[i]; m.Open() && !c.used[m.Incident] && m.Metric.Name != PipelineMetric {
			c.withdraw(m)
		}
	}
	return c.news
}

type comparison struct {
	asOf, since time.Time
	byID        map[string]*Message
	used        map[string]bool
	news        []News
}

func (c *comparison) incident(i *Incident, told []Message) {
	last := c.byID[i.ID]
	if last == nil {
		last = c.moved(i, told)
	}
	if last == nil {
		if newest := i.Messages[len(i.Messages)-1]; newest.Open() || newest.At.After(c.since) {
			c.say(i, 0, i.ID, 0)
		}
		return
	}
	c.used[last.Incident] = true
	step := min(last.Step, len(i.Messages))
	switch {
	case last.Reason == Superseded && i.Open(): // withdrawn, and shown again by later events
		c.correct(i, len(i.Messages)-1, last)
	case last.Reason == Superseded:
	case i.Messages[step-1].differs(last):
		c.correct(i, step-1, last)
		c.say(i, step, last.Incident, last.Seq+1)
	default:
		c.say(i, step, last.Incident, last.Seq)
	}
}

// moved finds an open incident on the same subject that was said under another identity and is not shown any more under that.
func (c *comparison) moved(i *Incident, told []Message) *Message {
	for t := range told {
		m := &told[t]
		if m.Open() && !c.used[m.Incident] && m.Metric.Name == i.Messages[0].Metric.Name && m.Metric.Labels["source"] == i.Messages[0].Metric.Labels["source"] {
			return m
		}
	}
	return nil
}

// differs reports whether late events have changed what a message says: more than one event in a hundred, because events
// that trickle in are no news.
func (m *Message) differs(told *Message) bool {
	return m.Open() != told.Open() || (m.State == NoData) != (told.State == NoData) || m.Severity != told.Severity ||
		moved(m.K, told.K) || moved(m.N, told.N)
}

func moved(now, before uint64) bool {
	by := max(now, before) - min(now, before)
	return 100*by > before
}

// say adds an incident's messages from a step on.
func (c *comparison) say(i *Incident, from int, id string, seq uint64) {
	for step := from; step < len(i.Messages); step++ {
		seq++
		m := i.Messages[step]
		m.Incident, m.Seq = id, seq
		c.news = append(c.news, News{m, i, step})
	}
}

// correct says again what late events have changed.
func (c *comparison) correct(i *Incident, step int, last *Message) {
	m := i.Messages[step]
	m.Incident, m.Seq, m.At = last.Incident, last.Seq+1, c.asOf
	if m.State == Opened {
		m.State = Updated
	}
	m.Flags = append(m.Flags, "corrected: late events changed what was said before")
	c.news = append(c.news, News{m, i, step})
}

// withdraw ends an incident that the evidence shows no more.
func (c *comparison) withdraw(last *Message) {
	m := *last
	m.Seq, m.At, m.State, m.Reason = last.Seq+1, c.asOf, Resolved, Superseded
	m.Summary = "Withdrawn: late events corrected what was judged, or it is not watched any more. Before: " + last.Summary
	c.news = append(c.news, News{Message: m})
}
