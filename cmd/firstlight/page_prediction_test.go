package main

import (
	"fmt"
	"strings"
	"testing"
)

// TestPagePrediction: the tile of a leading metric, and its screen, say in words whether it tells who stays. Of 60 users every second
// creates a project on the first day and comes in the first week; every third reads the guide, and nobody the more often for it.
func TestPagePrediction(t *testing.T) {
	b := newMigratedBox(t)
	b.write("catalog.yaml", `version: 1
windows: [1d]
defaults: {owner: growth@acme.example, objective: Teams that stay, indicator: leading, direction: up, action: Call them}
cohorts:
  - {name: signup, entry: signed_up, grain: week}
metrics:
  - {name: started, kind: activation, cohort: signup, steps: [project_created], within: 1d, predicts: {metric: reports}}
  - {name: guided, kind: activation, cohort: signup, steps: [guide_read], within: 1d, predicts: {metric: views, least: 0.35}}
  - {name: invited, kind: activation, cohort: signup, steps: [invite_sent], within: 1d, predicts: {metric: calls}}
  - {name: reports, kind: retention, cohort: signup, return: report_viewed, periods: 2, split_by: started, indicator: lagging}
  - {name: views, kind: retention, cohort: signup, return: page_viewed, periods: 2, split_by: guided, indicator: lagging}
  - {name: calls, kind: retention, cohort: signup, return: called, periods: 2, split_by: invited, indicator: lagging}
`)
	var lines []string
	add := func(event string, user, day, hour int) {
		lines = append(lines, fmt.Sprintf(`{"event":%q,"userId":"u%d","timestamp":"2026-03-%02dT%02d:00:00Z"}`, event, user, day, hour))
	}
	for user := range 60 {
		add("signed_up", user, 2, 9)
		if user%2 == 0 {
			add("project_created", user, 2, 10)
			if user%10 != 0 {
				add("report_viewed", user, 10, 10)
			}
		} else if user%5 == 0 {
			add("report_viewed", user, 10, 10)
		}
		if user%3 == 0 {
			add("guide_read", user, 2, 11)
		}
		if user/3%2 == 0 {
			add("page_viewed", user, 11, 10)
		}
	}
	add("signed_up", 99, 30, 9)
	b.must("publish", "--historical", b.write("events.ndjson", strings.Join(lines, "\n")+"\n"))
	d := b.start("run")
	b.eventually("all is counted", func() bool {
		return d.tsv("SELECT groupArray(verdict) FROM (SELECT verdict FROM metric_prediction ORDER BY metric)") == "['does not','not known yet','predicts']"
	})

	tab := newTab(t, browser(t), "http://"+d.at.HTTP, desktop)
	tab.open("/")
	tab.until(`document.querySelectorAll(".tile .foretells:not([hidden])").length === 3`)
	for metric, want := range map[string]string{
		"started": "Tells who stays: who gets there comes back 4.0 times as often (Reports: 80.0 %, of others 20.0 %).",
		"guided":  "Does not tell who stays, think again: who gets there comes back no more often (Views: 50.0 %, of others 50.0 %).",
		"invited": "Whether it tells who stays is not known yet (Calls).",
	} {
		if got := strings.ReplaceAll(tab.text(`[data-metric="`+metric+`"] .foretells`), "\u202f", " "); got != want {
			t.Errorf("the tile of %s says %q, want %q", metric, got, want)
		}
	}
	tab.shot("prediction")
	tab.accessible()
	tab.open(query("metric", "started"))
	tab.until(`document.body.textContent.includes("Stands for")`)
	tab.until(`document.body.textContent.includes("Reports. Tells who stays: who gets there comes back 4.0 times as often")`)
	tab.fine()
}
