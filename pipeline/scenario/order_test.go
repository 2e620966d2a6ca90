package scenario

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/oracle"
)

const lawCatalog = `
version: 1
product: demo
timezone: Europe/Berlin
allowed_lateness: 30d
windows: [1h, 1d, 1w, 2d/1d]
cohorts:
  - {name: signup, entry: {event: a}, grain: week, segments: [plan]}
  - {name: visitors, entry: {first_seen: true}, grain: day}
metrics:
  - {name: any, kind: activation, cohort: signup, steps: [b, {event: [a, c], count: 2}], within: 2d}
  - {name: chain, kind: activation, cohort: signup, order: sequence, steps: [{event: [b, c]}, {event: "*", count: 2}, c], within: 2d}
  - {name: value, kind: ttfv, cohort: visitors, value: {event: b, where: properties.plan != "x"}}
  - {name: use, kind: adoption, cohort: signup, feature: {event: b}, active: {event: c}, within: 1d}
`

// drawMessages draws events of few users, names, ids and times, so that ties are common.
func drawMessages(t *rapid.T) []oracle.Message {
	received := time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)
	start := time.Date(2026, 3, 28, 20, 0, 0, 0, time.UTC)
	var all []oracle.Message
	for range rapid.IntRange(1, 25).Draw(t, "events") {
		user := rapid.SampledFrom([]string{"anna", "ben", "carl"}).Draw(t, "user")
		at := start.Add(time.Duration(rapid.IntRange(0, 12).Draw(t, "half hours")) * 30 * time.Minute)
		data, err := json.Marshal(map[string]any{
			"event":      rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "event"),
			"userId":     user,
			"messageId":  rapid.SampledFrom([]string{"", "m1", "m2", "m3"}).Draw(t, "id"),
			"timestamp":  at.Format(time.RFC3339),
			"properties": map[string]any{"plan": rapid.SampledFrom([]string{"x", "y"}).Draw(t, "plan")},
		})
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, oracle.Message{Subject: subject("web", user), Stored: received, Data: data})
	}
	return all
}

// TestOrderDoesNotMatter: within allowed_lateness, any order of arrival and any number of partitions give the same
// rows, and a rate never exceeds what it is a rate of.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		messages := drawMessages(t)
		asOf := messages[0].Stored
		one, err := oracle.Compute([]byte(lawCatalog), messages, partitionOf(1), asOf)
		if err != nil {
			t.Fatal(err)
		}
		four, err := oracle.Compute([]byte(lawCatalog), rapid.Permutation(messages).Draw(t, "order"), partitionOf(4), asOf)
		if err != nil {
			t.Fatal(err)
		}
		for view, rows := range one.Views {
			if view == "pipeline_progress" {
				continue
			}
			for _, problem := range CompareRows(view, rows, four.Views[view]) {
				t.Error(problem)
			}
			for _, row := range rows {
				checkCounts(t, view, row)
			}
		}
	})
}

// checkCounts holds counts that are parts of each other to their order.
func checkCounts(t *rapid.T, view string, row Row) {
	for _, chain := range [][]string{
		{"activated", "eligible", "entered"},
		{"adopted", "adopted_to_date", "entered"},
		{"activated_in_window", "activated_to_date", "entered"},
		{"reached", "eligible"},
		{"new_adopters", "adopters", "active_users"},
		{"adopters", "events"},
	} {
		for i := range len(chain) - 1 {
			part, okPart := row[chain[i]].(uint64)
			whole, okWhole := row[chain[i+1]].(uint64)
			if okPart && okWhole && part > whole {
				t.Errorf("%s: more %s than %s: %s", view, chain[i], chain[i+1], showRow(row))
			}
		}
	}
}
