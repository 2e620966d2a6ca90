package catalog

import (
	"fmt"
	"strings"
)

// Formula says what metric i computes, in a few plain sentences.
func (c *Catalog) Formula(i int) string {
	text := c.Metrics[i].Kind.Formula(c, &c.Metrics[i])
	if excluded := c.Exclude.words(c); excluded != "" {
		text += " Left out: " + excluded + "."
	}
	return text
}

// CohortWords names the users of a metric: "cohort signup (first signed_up, by week)".
func (c *Catalog) CohortWords(m *Metric) string {
	cohort := c.Cohorts[m.Cohort]
	entry := "first seen"
	if !cohort.FirstSeen {
		entry = "first " + c.Selectors[cohort.Entry].Words()
	}
	return fmt.Sprintf("cohort %s (%s, by %s)", cohort.Name, entry, cohort.Grain)
}

// StepWords says what a user does to reach a step: "2 times invite_sent", "report_shared on 3 different days".
func (c *Catalog) StepWords(s Step) string {
	return times(s.Count, s.Days, c.Selectors[s.Selector].Words())
}

func times(count int, days bool, events string) string {
	switch {
	case days:
		return fmt.Sprintf("%s on %d different days", events, count)
	case count > 1:
		return fmt.Sprintf("%d times %s", count, events)
	}
	return events
}

// Words says which events a selector takes: "report_shared where properties.n > 1".
func (s Selector) Words() string {
	text := "any event"
	if s.Names != nil {
		text = strings.Join(s.Names, " or ")
	}
	if s.Where != "" {
		text += " where " + s.Where
	}
	return text
}
