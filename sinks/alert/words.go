package alert

import (
	"fmt"
	"strings"

	"firstlight/pipeline/anomaly"
)

// What is said in words at more than one destination.

// description is what on-call needs beside the summary: what to do, whom to ask, what explains it.
func description(m *anomaly.Message) string {
	var lines []string
	add := func(name, text string) {
		if text != "" {
			lines = append(lines, name+": "+text)
		}
	}
	add("Action", m.Metric.Action)
	add("Owner", m.Metric.Owner)
	add("Objective", m.Metric.Objective)
	if m.Explained { // where no value explains the change, none is to be blamed
		for _, c := range firstOf(m.Contributors, maxListed) {
			if c.Explains >= leastPart {
				lines = append(lines, contributor(&c))
			}
		}
	}
	for _, a := range firstOf(m.Also, maxListed) {
		add("Also", a.Summary)
	}
	for _, n := range firstOf(m.Annotations, maxListed) {
		add("Nearby", note(&n))
	}
	add("Data quality", strings.Join(m.Flags, ", "))
	add("SQL", m.SQL)
	add("Users", strings.Join(m.ExampleUsers, ", "))
	return strings.Join(lines, "\n")
}

const (
	maxListed = 5    // in lists that people read
	leastPart = 0.05 // of a change, which a segment value must explain to be named
)

func firstOf[T any](list []T, n int) []T { return list[:min(n, len(list))] }

func contributor(c *anomaly.Contributor) string {
	return fmt.Sprintf("%s=%s explains %.0f %%: %.1f %% (%d of %d), before %.1f %%", c.Segment, c.Value, 100*c.Explains, 100*c.Rate, c.K, c.N, 100*c.Expected)
}

func note(n *anomaly.Annotation) string {
	return fmt.Sprintf("%s of %s at %s: %s", n.Kind, n.Source, n.Time.UTC().Format("2006-01-02 15:04 UTC"), n.Title)
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
