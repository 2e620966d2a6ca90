package facts

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// Need is what a step takes: so many matching events, or events on so many local days.
type Need struct {
	Count int
	// day tells local days apart (ms); nil where every event counts.
	day func(t int64) calendar.Day
}

// Needs returns what the steps of a metric take.
func (j *Joiner) Needs(m *catalog.Metric) (all []Need) {
	for _, s := range m.Steps {
		n := Need{Count: s.Count}
		if s.Days {
			n.day = func(t int64) calendar.Day { return j.Calendar.DayOf(t / 1000) }
		}
		all = append(all, n)
	}
	return all
}

// same reports whether two events count once.
func (n Need) same(a, b int64) bool { return n.day != nil && n.day(a) == n.day(b) }

// defineSteps lists all in a metric's steps that states depend on.
func defineSteps(c *catalog.Catalog, m *catalog.Metric) []any {
	steps := []any{}
	for _, s := range m.Steps {
		step := []any{c.Selectors[s.Selector].Text, s.Count}
		if s.Days {
			step = append(step, "days")
		}
		steps = append(steps, step)
	}
	return steps
}
