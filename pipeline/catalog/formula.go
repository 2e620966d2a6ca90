package catalog

import (
	"fmt"
	"strconv"
	"strings"
)

// Formula says what metric i computes, in one or two plain sentences.
func (c *Catalog) Formula(i int) string {
	m := c.Metrics[i]
	users := c.cohortWords(m.Cohort)
	switch m.Kind {
	case Activation:
		return fmt.Sprintf("Share of users of %s who did %s within %s of it.", users, c.activationWords(m), words(m.Within))
	case TTFV:
		return fmt.Sprintf("Time that users of %s took from it to their %s.", users, c.valueWords(m))
	}
	return c.adoptionWords(m, users)
}

func (c *Catalog) cohortWords(i int) string {
	cohort := c.Cohorts[i]
	entry := "first seen"
	if !cohort.FirstSeen {
		entry = "first " + selectorWords(c.Selectors[cohort.Entry])
	}
	return fmt.Sprintf("cohort %s (%s, by %s)", cohort.Name, entry, cohort.Grain)
}

func (c *Catalog) activationWords(m Metric) string {
	steps := make([]string, len(m.Steps))
	for i, s := range m.Steps {
		if steps[i] = selectorWords(c.Selectors[s.Selector]); s.Count > 1 {
			steps[i] = fmt.Sprintf("%d times %s", s.Count, steps[i])
		}
	}
	if m.Sequence {
		return strings.Join(steps, ", then ") + ","
	}
	return strings.Join(steps, " and ")
}

func (c *Catalog) valueWords(m Metric) string {
	s := m.Steps[0]
	text := ordinal(s.Count) + " " + selectorWords(c.Selectors[s.Selector])
	if m.Within > 0 {
		text += ", if within " + words(m.Within)
	}
	return text
}

func (c *Catalog) adoptionWords(m Metric, users string) string {
	active := "anything"
	if s := c.Selectors[m.Active]; s.Text != anyEvent {
		active = selectorWords(s) + ", or that,"
	}
	text := fmt.Sprintf("Share of active users of %s who did %s in a window; active is who did %s in it.",
		users, selectorWords(c.Selectors[m.Steps[0].Selector]), active)
	if m.Within > 0 {
		text += " By cohort: share of all who entered, within " + words(m.Within) + "."
	}
	return text
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
