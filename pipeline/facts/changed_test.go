package facts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/facts"
	"firstlight/pipeline/kind"
)

// TestDefinitionsComeAndGo: a user that was stored under one catalog goes on under another. What both define counts the same as if
// it had always been so, whatever else came, left, was renamed or changed its place.
func TestDefinitionsComeAndGo(t *testing.T) {
	before := loadLaw(t, "1h, 1d, 7d/1d")
	text := fmt.Sprintf(lawCatalog+lawExperiments, "1h, 1d, 7d/1d")
	text = strings.Replace(text, "cohorts:\n", "cohorts:\n  - {name: other, entry: {event: z}, grain: day}\n", 1)
	text = strings.Replace(text, "metrics:\n", `metrics:
  - {name: new, kind: activation, cohort: signup, steps: [{event: y}, {event: "*", where: "properties.n == 3"}], within: 6h}
  - {name: new_use, kind: adoption, cohort: signup, feature: {event: y}, active: {event: [y, z]}}
`, 1)
	text = strings.ReplaceAll(text, "any_order", "renamed")
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "name: value,") {
			lines = append(lines, line)
		}
	}
	after, problems := catalog.Load([]byte(strings.Join(lines, "")), kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	after = after.Computed()
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		always, changed := newUser(before), newUser(before)
		at := rapid.IntRange(0, len(events)).Draw(t, "changes at")
		for i := range events {
			if i == at {
				name, layout := changed.joiner.Layout()
				stored := changed.facts.Store(nil)
				if rapid.Bool().Draw(t, "by layout") {
					stored = changed.facts.StoreByLayout(nil)
				}
				changed = newUser(after)
				changed.joiner.Layouts = facts.Layouts{}
				if err := changed.joiner.Layouts.Add(name, layout); err != nil {
					t.Fatal(err)
				}
				if err := changed.facts.Load(stored); err != nil {
					t.Fatal(err)
				}
			}
			always.join(&events[i], 0)
			changed.join(&events[i], 0)
		}
		equal(t, "under a changed catalog", changed.common(), always.common())
	})
}

// common lists what the user counts for what both catalogs define, without the places of things in the catalog.
func (u *user) common() (lines []string) {
	for i, m := range u.joiner.Catalog.Metrics {
		if name := strings.Replace(m.Name, "renamed", "any_order", 1); !slices.Contains([]string{"new", "new_use", "value"}, name) {
			for _, c := range u.folder.Metric(nil, u.facts, i, 0, cohort.Focus{}) {
				c.Key.Name = 0
				lines = append(lines, fmt.Sprintf("%s: %+v", name, c))
			}
		}
	}
	slices.Sort(lines)
	return lines
}
