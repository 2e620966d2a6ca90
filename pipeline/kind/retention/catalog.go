// Package retention is the kind of metric that says which share of users come back, period by period since they started: with their
// entry, or when another metric counted them.
package retention

import (
	"fmt"
	"strconv"

	"firstlight/pipeline/catalog"
)

// Kind is the kind retention. That of a metric says what makes a return.
type Kind struct{ least least }

// least is how many events in a period make it a return, or on how many different local days they are.
type least struct {
	n    int
	days bool
}

// String is the catalog's word.
func (Kind) String() string { return "retention" }

// Synonyms are the words of other tools.
func (Kind) Synonyms() []string { return []string{"retained", "stickiness", "churn", "return"} }

// Keys are those that only a retention has.
func (Kind) Keys() []string {
	return []string{"return", "after", "period", "periods", "least", "split_by"}
}

// Traits say that users are followed period by period, and that coming again is what counts.
func (Kind) Traits() catalog.Traits {
	return catalog.Traits{
		ByPeriod: catalog.Counts{View: "retention_by_cohort", All: "eligible", Some: "returned"}, TakesEntry: true,
	}
}

// Read reads what a return is, and when it counts.
func (k Kind) Read(o catalog.Object, m *catalog.Metric) {
	m.Steps = o.UseOrAny("return", "a return")
	m.Periods = o.Periods()
	k.least = readLeast(o, m.Periods.Unit)
	m.Kind = k
	o.Milestone("after", func(m *catalog.Metric, other int) { m.Periods.After = other })
	o.Milestone("split_by", func(m *catalog.Metric, other int) {
		if m.Periods.Split = other; other == m.Periods.After {
			o.Errorf("split_by", "everybody who starts after a metric was counted by it: name another one, or remove \"after\"")
		}
	})
}

// mostEvents bounds the events that make a return: the times of as many are kept while a late event may still move the start.
const mostEvents = 1000

// mostDays are the most different local days that every period of a unit has.
var mostDays = map[catalog.Unit]int{catalog.PeriodDay: 2, catalog.PeriodWeek: 8, catalog.CalendarDay: 1, catalog.CalendarWeek: 7, catalog.CalendarMonth: 28}

// readLeast reads a number of events, or {days: N}.
func readLeast(o catalog.Object, unit catalog.Unit) least {
	if days, ok := o.Part("least", "least", "days"); ok {
		days.Require("days", "write for example least: {days: 3}")
		return least{n: days.Count("days", 1, 1, mostDays[unit]), days: true}
	}
	return least{n: o.Count("least", 1, 1, mostEvents)}
}

// Check has nothing to warn of.
func (Kind) Check(catalog.Object, *catalog.Metric) {}

// CheckGuardrail refuses an age, because it is a period's rate that is limited, and hours, because users are compared by the day they started.
func (k Kind) CheckGuardrail(o catalog.Object, _ *catalog.Metric, g *catalog.Guardrail) {
	if o.Has("age") {
		o.Errorf("age", "\"age\" does not go with kind %s, whose rate is of a period: write period: 1", k)
	}
	if g.Window == "1h" {
		o.Errorf("window", "users of kind %s are compared by the day they started: write window: 1d, 1w, 1mo or trailing days, and list it under windows", k)
	}
}

// Formula is such as "Share of users of cohort signup (…) who do any event in week k after it (7 × 24 hours each), for each k from 0 to 12."
func (k Kind) Formula(c *catalog.Catalog, m *catalog.Metric) string {
	of, since := c.CohortWords(m), "it"
	if m.Periods.After != catalog.NoMetric {
		of += " whom " + c.Metrics[m.Periods.After].Name + " counts"
		since = "that"
	}
	what := "do " + c.Selectors[m.Steps[0].Selector].Words()
	switch {
	case k.least.days && k.least.n > 1:
		what += fmt.Sprintf(" on %d different days", k.least.n)
	case k.least.n > 1:
		what = fmt.Sprintf("do %d times %s", k.least.n, c.Selectors[m.Steps[0].Selector].Words())
	}
	return fmt.Sprintf("Share of users of %s who %s in %s after %s, for each k from 0 to %d.", of, what, unitWords[m.Periods.Unit], since, m.Periods.Last)
}

var unitWords = map[catalog.Unit]string{
	catalog.PeriodDay: "day k (24 hours each)", catalog.PeriodWeek: "week k (7 times 24 hours each)",
	catalog.CalendarDay: "the k-th calendar day", catalog.CalendarWeek: "the k-th calendar week", catalog.CalendarMonth: "the k-th calendar month",
}

// Definition is what a return is, when users start, and in which periods they are followed.
func (k Kind) Definition(c *catalog.Catalog, m *catalog.Metric) []catalog.Field {
	return []catalog.Field{
		{Key: "after", Text: c.NameOf(m.Periods.After, m)},
		{Key: "least", Text: k.least.String()},
		{Key: "period", Text: m.Periods.Unit.String()},
		{Key: "periods", Text: strconv.Itoa(m.Periods.Last)},
		{Key: "split_by", Text: c.NameOf(m.Periods.Split, m)},
	}
}

// String is 3 of events, 3 days of days.
func (l least) String() string {
	if l.days {
		return fmt.Sprintf("%d days", l.n)
	}
	return strconv.Itoa(l.n)
}
