package oncall_test

import (
	"testing"
	"time"
)

const shop = `version: 1
product: acme
windows: [1h, 1d]
allowed_lateness: 3d
defaults: {owner: growth@acme.example, objective: Teams that stay, indicator: leading, direction: up, action: Call them}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week, segments: [channel]}
metrics:
  - {name: activated, kind: activation, cohort: signup, steps: [project_created], within: 1d, runbook: "https://wiki.acme.example/r", labels: {team: growth},
     guardrails: [{severity: critical, below: 0.35, age: 1h, window: 1d, min_sample: 40, consecutive: 2}]}
`

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// days of 60 users; every second one of each channel activates within half an hour, of channel ads none from day broken on.
func signups(days, broken int) []action {
	var all []action
	for d := range days {
		for i := range 60 {
			at := monday.AddDate(0, 0, d).Add(time.Duration(i) * 20 * time.Minute)
			channel := []string{"ads", "ads", "organic"}[i%3]
			all = append(all, action{at: at, user: user(d, i), name: "signed_up", properties: map[string]any{"channel": channel}})
			if i%2 == 0 && (d < broken || channel != "ads") {
				all = append(all, action{at: at.Add(30 * time.Minute), user: user(d, i), name: "project_created"})
			}
		}
	}
	return all
}

func TestGuardrail(t *testing.T) {
	h := newHarness(t, shop)
	h.publish(signups(30, 27)...)
	h.publish(action{at: monday.AddDate(0, 0, 30).Add(2 * time.Hour), user: "late", name: "signed_up"})
	h.drain()
	for _, m := range h.evaluate() {
		t.Logf("%s %s %s\n%s\n%+v", m.ID(), m.State, m.Severity, m.Summary, m.Contributors)
		t.Log(m.SQL, h.rows(m.SQL))
	}
}
