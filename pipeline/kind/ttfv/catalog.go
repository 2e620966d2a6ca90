// Package ttfv is the kind of metric that says how long users take from their entry to the first event of value.
package ttfv

import (
	"fmt"
	"strconv"

	"firstlight/pipeline/catalog"
)

// Kind is the kind ttfv: time to first value.
type Kind struct{}

// String is the catalog's word.
func (Kind) String() string { return "ttfv" }

// Synonyms are the words of other tools.
func (Kind) Synonyms() []string {
	return []string{"time_to_value", "time_to_first_value", "time-to-first-value"}
}

// Keys are those that only a time to first value has.
func (Kind) Keys() []string { return []string{"value", "within"} }

// Traits say that the value is a time, and that users are compared at an age.
func (Kind) Traits() catalog.Traits {
	return catalog.Traits{Time: "time to first value", Medians: "ttfv_by_entry_window", Reached: true, ByAge: true}
}

// Read reads the event of value.
func (Kind) Read(o catalog.Object, m *catalog.Metric) {
	m.Steps = o.Step("value", "a value", "write the first event of value, such as value: {event: report_shared}")
}

// Check finds a time that would be good when it grows.
func (Kind) Check(o catalog.Object, m *catalog.Metric) {
	if m.Direction == "up" {
		o.DoubtDirection(m, "a time to first value is good when it is short", "direction: down")
	}
}

// CheckGuardrail checks the age, without which a limit on the share of users says nothing unless the metric has a horizon.
func (Kind) CheckGuardrail(o catalog.Object, m *catalog.Metric, g *catalog.Guardrail) {
	limits := g.Below != nil || g.Above != nil
	if limits && !g.Median && !o.Has("age") && m.Within == 0 {
		o.Errorf("age", "by which age? write for example age: 24h")
	}
	o.CheckAge(m, g)
}

// Formula is such as "Time that users of cohort signup (…) took from it to their first report_shared, if within 30 days."
func (Kind) Formula(c *catalog.Catalog, m *catalog.Metric) string {
	s := m.Steps[0]
	value := ordinal(s.Count) + " " + c.Selectors[s.Selector].Words()
	if s.Days {
		value = fmt.Sprintf("%s different day with %s", ordinal(s.Count), c.Selectors[s.Selector].Words())
	}
	if m.Within > 0 {
		value += ", if within " + catalog.DurationWords(m.Within)
	}
	return fmt.Sprintf("Time that users of %s took from it to their %s.", c.CohortWords(m), value)
}

func ordinal(n int) string {
	switch {
	case n <= 3:
		return [...]string{"", "first", "second", "third"}[n]
	case n%100/10 == 1 || n%10 == 0 || n%10 > 3:
		return strconv.Itoa(n) + "th"
	}
	return strconv.Itoa(n) + [...]string{"", "st", "nd", "rd"}[n%10]
}

// Definition is the horizon.
func (Kind) Definition(_ *catalog.Catalog, m *catalog.Metric) []catalog.Field {
	return []catalog.Field{{Key: "within", Text: m.DefineWithin()}}
}
