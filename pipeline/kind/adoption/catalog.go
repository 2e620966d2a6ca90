// Package adoption is the kind of metric that says which share of active users use a feature, in every window of time, and which
// share of a cohort ever did.
package adoption

import (
	"fmt"

	"firstlight/pipeline/catalog"
)

// Kind is the kind adoption.
type Kind struct{}

// String is the catalog's word.
func (Kind) String() string { return "adoption" }

// Synonyms are the words of other tools.
func (Kind) Synonyms() []string { return []string{"usage", "feature"} }

// Keys are those that only an adoption has.
func (Kind) Keys() []string { return []string{"feature", "active", "within"} }

// Traits say that the entry may be a use, and that the active users of a window are compared.
func (Kind) Traits() catalog.Traits {
	byWindow := catalog.Counts{View: "adoption_by_window", All: "active_users", Some: "adopters"}
	return catalog.Traits{Reached: true, TakesEntry: true, ByWindow: byWindow}
}

// Read reads the feature, and what makes a user active.
func (Kind) Read(o catalog.Object, m *catalog.Metric) {
	m.Steps = o.Use("feature", "a feature", "write the event of its use, such as feature: {event: export_run}")
	m.Active = o.Selector("active")
}

// Check finds a feature that everybody uses.
func (Kind) Check(o catalog.Object, m *catalog.Metric) {
	if len(m.Steps) == 1 && o.Takes(m.Steps[0], catalog.AnyEvent) {
		o.Warnf("feature", "every event is a use of this feature, so everybody who is active adopts it: name the feature's events")
	}
}

// CheckGuardrail refuses an age: users of a window are compared, however long ago they entered.
func (k Kind) CheckGuardrail(o catalog.Object, _ *catalog.Metric, _ *catalog.Guardrail) {
	if o.Has("age") {
		o.Errorf("age", "\"age\" does not go with kind %s, whose rate is of a window: remove it", k)
	}
}

// Formula is such as "Share of active users of cohort signup (…) who did export_run in a window; active is who did anything in it."
func (Kind) Formula(c *catalog.Catalog, m *catalog.Metric) string {
	active := "anything"
	if s := c.Selectors[m.Active]; s.Text != catalog.AnyEvent {
		active = s.Words() + ", or that,"
	}
	text := fmt.Sprintf("Share of active users of %s who did %s in a window; active is who did %s in it.",
		c.CohortWords(m), c.Selectors[m.Steps[0].Selector].Words(), active)
	if m.Within > 0 {
		text += " By cohort: share of all who entered, within " + catalog.DurationWords(m.Within) + "."
	}
	return text
}

// Definition is the horizon, and what makes a user active.
func (Kind) Definition(c *catalog.Catalog, m *catalog.Metric) []catalog.Field {
	return []catalog.Field{{Key: "within", Text: m.DefineWithin()}, {Key: "active", Text: c.Selectors[m.Active].Text}}
}
