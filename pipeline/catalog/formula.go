package catalog

import (
	"fmt"
	"strings"
)

// Formula says what metric i computes, in one plain sentence.
func (c *Catalog) Formula(i int) string {
	m := c.Metrics[i]
	users := c.cohortWords(m.Cohort)
	first := ""
	if len(m.Steps) > 0 {
		first = c.stepWords(m.Steps[0])
	}
	switch m.Kind {
	case Activation:
		return fmt.Sprintf("Share of %s who did %s within %s.", users, c.activationWords(m), words(m.Within))
	case TTFV:
		horizon := ""
		if m.Within > 0 {
			horizon = ", if it comes within " + words(m.Within)
		}
		return fmt.Sprintf("Time that %s took from entry to their first %s%s.", users, first, horizon)
	}
	among := "did anything"
	if s := c.Selectors[m.Active]; s.Text != anyEvent {
		among = "did " + selectorWords(s) + " or the following"
	}
	sentence := fmt.Sprintf("Share of %s who did %s, among those who %s in the window", users, first, among)
	if m.Within > 0 {
		sentence += "; per cohort, among all who entered, within " + words(m.Within)
	}
	return sentence + "."
}

func (c *Catalog) cohortWords(i int) string {
	cohort := c.Cohorts[i]
	if cohort.FirstSeen {
		return fmt.Sprintf("users of cohort %s (first seen, by %s)", cohort.Name, cohort.Grain)
	}
	return fmt.Sprintf("users of cohort %s (first %s, by %s)", cohort.Name, selectorWords(c.Selectors[cohort.Entry]), cohort.Grain)
}

func (c *Catalog) activationWords(m Metric) string {
	steps := make([]string, len(m.Steps))
	for i, s := range m.Steps {
		steps[i] = c.stepWords(s)
	}
	if m.Sequence {
		return strings.Join(steps, ", then ")
	}
	return strings.Join(steps, " and ")
}

func (c *Catalog) stepWords(s Step) string {
	text := selectorWords(c.Selectors[s.Selector])
	if s.Count > 1 {
		return fmt.Sprintf("%s (%d times)", text, s.Count)
	}
	return text
}

func selectorWords(s Selector) string {
	text := "any event"
	if s.Names != nil {
		text = strings.Join(s.Names, " or ")
	}
	if s.Where != "" {
		text += " where " + s.Where
	}
	return text
}
