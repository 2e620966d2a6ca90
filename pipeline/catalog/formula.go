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
