package anomaly

import (
	"slices"
	"time"

	"firstlight/pipeline/catalog"
)

// One root cause, one incident: an event that does not come any more is missed by every metric that counts it. What was found
// without configuration about one of them is part of the incident that another has already. Limits that people set always
// speak for themselves.

// outlives is how much longer than the incident it is part of a change may go on and still be part of it.
const outlives = aftermathTime * time.Second

// roots takes the incidents in order of their beginning, and leaves those that are part of another one to that.
func (j *judge) roots(all []Incident) []Incident {
	var kept []*Incident
	parts := map[*Incident][]*Incident{}
	for i := range all {
		b := &all[i]
		if a := j.cause(all, kept, b); a != nil {
			parts[a] = append(parts[a], b)
		} else {
			kept = append(kept, b)
		}
	}
	out := make([]Incident, 0, len(kept))
	for _, a := range kept {
		for _, b := range parts[a] {
			a.mention(b)
		}
		out = append(out, *a)
	}
	return out
}

// cause returns the incident that another one is part of, nil for none.
func (j *judge) cause(all []Incident, before []*Incident, b *Incident) *Incident {
	if slices.ContainsFunc(b.facts, func(f fact) bool { return f.watch.guardrail || f.watch.subject.metric < 0 }) {
		return nil
	}
	for _, a := range before {
		if j.related(a.facts[0].watch.subject.metric, b.facts[0].watch.subject.metric) && j.covers(all, a, b) {
			return a
		}
	}
	return nil
}

// covers reports whether an incident is open when another begins, and for about as long.
func (j *judge) covers(all []Incident, a, b *Incident) bool {
	last, end := lastOf(all, a), &b.Messages[len(b.Messages)-1]
	switch {
	case last.Open():
		return true
	case b.Messages[0].At.After(last.At):
		return false
	}
	until := end.At
	if end.Open() {
		until = time.Unix(j.evidence.AsOf, 0)
	}
	return !until.After(last.At.Add(outlives))
}

// lastOf is the newest message of an incident, or of the one that replaced it.
func lastOf(all []Incident, a *Incident) *Message {
	last := &a.Messages[len(a.Messages)-1]
	if last.Reason != Superseded {
		return last
	}
	for i := range all {
		if next := &all[i]; next.facts[0].watch.subject == a.facts[0].watch.subject && next.ID != a.ID && next.Messages[0].At.Equal(last.At) {
			return lastOf(all, next)
		}
	}
	return last
}

// mention adds another incident to the messages that were said while it was open.
func (i *Incident) mention(b *Incident) {
	for k := range i.Messages {
		m := &i.Messages[k]
		if m.State == Resolved {
			continue
		}
		var newest *Message
		for n := range b.Messages {
			if !b.Messages[n].At.After(m.At) {
				newest = &b.Messages[n]
			}
		}
		if newest != nil && newest.Open() {
			m.Also = append(m.Also, Also{Metric: newest.Metric.Name, Reason: newest.Reason, Severity: newest.Severity, Summary: newest.Summary})
		}
	}
}

// related reports whether two metrics of one cohort count the same event.
func (j *judge) related(a, b int) bool {
	if a < 0 || b < 0 || a == b || j.catalog.Metrics[a].Cohort != j.catalog.Metrics[b].Cohort {
		return false
	}
	counted := func(m *catalog.Metric) (names []string) {
		for _, s := range m.Steps {
			names = append(names, j.catalog.Selectors[s.Selector].Names...)
		}
		return names
	}
	theirs := counted(&j.catalog.Metrics[b])
	return slices.ContainsFunc(counted(&j.catalog.Metrics[a]), func(name string) bool { return slices.Contains(theirs, name) })
}
