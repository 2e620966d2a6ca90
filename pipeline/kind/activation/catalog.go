// Package activation is the kind of metric that says which share of users did what makes a product work for them, in time: a few
// steps, in any order or one after the other.
package activation

import (
	"fmt"
	"strings"

	"firstlight/pipeline/catalog"
)

// Kind is the kind activation.
type Kind struct{}

// String is the catalog's word.
func (Kind) String() string { return "activation" }

// Synonyms are the words of other tools.
func (Kind) Synonyms() []string { return []string{"funnel", "conversion"} }

// Keys are those that only an activation has.
func (Kind) Keys() []string { return []string{"steps", "order", "within"} }

// Traits say that users are compared at an age, and get there in time or do not.
func (Kind) Traits() catalog.Traits {
	return catalog.Traits{Reached: true, ByAge: true, Milestone: true}
}

// Read reads the steps, their order, and the time for them.
func (Kind) Read(o catalog.Object, m *catalog.Metric) {
	m.Sequence = o.Choice("order", "any", "any", "sequence") == "sequence"
	o.Require("within", "write the time a user has, such as within: 7d")
	m.Steps = o.Steps("steps", "write at least one, such as - {event: project_created}")
}

// Check has nothing to warn of.
func (Kind) Check(catalog.Object, *catalog.Metric) {}

// CheckGuardrail checks the age at which users are compared.
func (Kind) CheckGuardrail(o catalog.Object, m *catalog.Metric, g *catalog.Guardrail) {
	o.CheckAge(m, g)
}

// Formula is such as "Share of users of cohort signup (…) who did project_created and 2 times invite_sent within 7 days of it."
func (Kind) Formula(c *catalog.Catalog, m *catalog.Metric) string {
	steps := make([]string, len(m.Steps))
	for i, s := range m.Steps {
		steps[i] = c.StepWords(s)
	}
	all := strings.Join(steps, " and ")
	if m.Sequence {
		all = strings.Join(steps, ", then ") + ","
	}
	return fmt.Sprintf("Share of users of %s who did %s within %s of it.", c.CohortWords(m), all, catalog.DurationWords(m.Within))
}

// Definition is the order and the time.
func (Kind) Definition(_ *catalog.Catalog, m *catalog.Metric) []catalog.Field {
	order := "any"
	if m.Sequence {
		order = "sequence"
	}
	return []catalog.Field{{Key: "order", Text: order}, {Key: "within", Text: m.DefineWithin()}}
}
