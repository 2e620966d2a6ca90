package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// This file finds what is well written and still cannot say what was meant.

// sense looks at a metric as a whole.
func (l *loader) sense(o Object, m *Metric) {
	for i := range m.Steps {
		if m.Cohort < len(l.catalog.Cohorts) {
			l.entryStep(m, i)
		}
		l.dayStep(m, i)
	}
	m.Kind.Check(o, m)
	l.guardrailSides(m)
}

// doubt is what is odd about a value that a metric takes from defaults.
type doubt struct{ text, instead, metric string }

// DoubtDirection says that a metric's direction is odd, such as "a time to first value is good when it is short", and what to write
// instead. Of one that defaults give it says so once for all metrics.
func (o Object) DoubtDirection(m *Metric, text, instead string) {
	if o.Has("direction") {
		o.Warnf("direction", "%s: write %s", text, instead)
		return
	}
	o.ofDefaults = append(o.ofDefaults, doubt{text, instead, m.Name})
}

// doubtDefaults says once what is odd about the direction that defaults give to some metrics.
func (l *loader) doubtDefaults() {
	if len(l.ofDefaults) == 0 {
		return
	}
	first := l.ofDefaults[0]
	which := first.metric
	if n := len(l.ofDefaults) - 1; n > 0 {
		which += fmt.Sprintf(" and %d more", n)
	}
	l.warnf(l.directedAt, "defaults say direction: up, and %s: write %s in %s", first.text, first.instead, which)
}

// entryStep finds a step that only a second entry event can serve. One that has a name of its own is meant so.
func (l *loader) entryStep(m *Metric, i int) {
	c, s := &l.catalog.Cohorts[m.Cohort], &m.Steps[i]
	if c.FirstSeen || c.Entry < 0 || s.Selector < 0 || l.steps[i].named || m.Kind.Traits().TakesEntry {
		return
	}
	entry, step := &l.catalog.Selectors[c.Entry], &l.catalog.Selectors[s.Selector]
	covers := entry.Names != nil && step.Names != nil && entry.Where == "" &&
		!slices.ContainsFunc(step.Names, func(name string) bool { return !slices.Contains(entry.Names, name) })
	if s.Selector == c.Entry || covers {
		l.warnf(l.steps[i].pos, "%s is the entry of cohort %s, and the entry serves no step and no value: only a second one counts; choose another event, or give it a name if that is meant",
			quoted(stepName(*step)), c.Name)
	}
}

// dayStep finds a step that takes more local days than there are within the metric's time: a part of the first one, and of the last.
func (l *loader) dayStep(m *Metric, i int) {
	s := &m.Steps[i]
	most := int((m.Within+day-1)/day) + 1
	if s.Days && m.Within > 0 && s.Count > most {
		l.errorf(l.steps[i].count, "within %s there are at most %d local days, so %d different ones are never reached: write a smaller count, or a longer within",
			DurationWords(m.Within), most, s.Count)
	}
}

// oddName warns of white space that nobody sees in an event's name.
func (l *loader) oddName(n *node) {
	if trimmed := strings.TrimSpace(n.text); trimmed != n.text && trimmed != "" {
		l.warnf(n.pos, "the event name %s begins or ends with white space, and only events named exactly so match: write %s, unless that is meant", quoted(n.text), quoted(trimmed))
	}
}

// pastTargets returns a warning for each target whose day has passed.
func (c *Catalog) pastTargets(today string) (out Problems) {
	for i, m := range c.Metrics {
		if m.Target != nil && m.Target.By != "" && m.Target.By < today && i < len(c.places.targetBy) {
			out.add(c.places.targetBy[i], Warning, "the target of %s was due on %s: say what became of it, then set the next", m.Name, m.Target.By)
		}
	}
	return out
}

// WholeDays returns a warning for each metric with a horizon, because all events seen, n of them, are at midnight: a horizon
// in days then holds one day more than people count.
func (c *Catalog) WholeDays(n int) (out Problems) {
	for i, m := range c.Metrics {
		if m.Within > 0 && m.Within%day == 0 && i < len(c.places.within) && c.places.within[i] != (pos{}) {
			days := int(m.Within / day)
			out.add(c.places.within[i], Warning, "all %d events looked at are at midnight, so within: %dd holds %d days, that of the entry and %d more: write %s for %d days in all",
				n, days, days+1, days, formatDuration(m.Within-time.Hour), days)
		}
	}
	out.sort()
	return out
}
