package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/review"
)

// TestPageAction: an action is marked on the line, and the page says what it did; the review of the week says it too, as text, as JSON, and on
// the page. Of 20 users a day 5 start a project before a shorter form, 15 after it.
func TestPageAction(t *testing.T) {
	b := newMigratedBox(t)
	b.write("catalog.yaml", `version: 1
product: acme
windows: [1d]
defaults: {owner: growth@acme.example, objective: Teams that stay, indicator: leading, direction: up, action: Call them, stage: early}
cohorts:
  - {name: signup, entry: signed_up, grain: week}
metrics:
  - {name: started, kind: activation, cohort: signup, steps: [project_created], within: 1d, target: {value: 0.8, by: 2030-01-01}}
  - {name: exports, kind: adoption, cohort: signup, feature: export_run, within: 1d, owner: data@acme.example, indicator: lagging}
  - {name: ever_started, kind: adoption, cohort: signup, feature: project_created, indicator: lagging}
`)
	var lines []string
	first := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	for day := range 58 {
		for user := range 20 {
			at := first.AddDate(0, 0, day).Add(time.Duration(user) * time.Minute)
			name := fmt.Sprintf("u%d-%d", day, user)
			lines = append(lines, fmt.Sprintf(`{"event":"signed_up","userId":%q,"timestamp":%q}`, name, at.Format(time.RFC3339)))
			if user < 5 || day >= 28 && user < 15 {
				lines = append(lines, fmt.Sprintf(`{"event":"project_created","userId":%q,"timestamp":%q}`, name, at.Add(time.Hour).Format(time.RFC3339)))
			}
		}
	}
	b.must("publish", "--historical", b.write("events.ndjson", strings.Join(lines, "\n")+"\n"))
	b.must("annotate", "--kind", "action", "--title", "Shorter form", "--metric", "started", "--expects", "+0.3", "--id", "form", "--time", "2026-03-30T00:00:00Z")
	b.must("annotate", "--kind", "deploy", "--title", "Release 7", "--id", "release", "--time", "2026-03-10T12:00:00Z")
	d := b.start("run")
	b.eventually("it is known what it did", func() bool { return d.tsv("SELECT verdict FROM action_effects") == "more than expected" })

	text := b.must("review", "--owner", "growth@acme.example")
	for _, want := range []string{"acme, 28 April 2026: growth@acme.example", "Started rose from 26.8 % to 75 % over four weeks, which is better", "“Shorter form” (30 March 2026): more than expected. Started went from 25 % to 75 %"} {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), want) {
			t.Errorf("the review lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "Ever started rose") || strings.Contains(text, "Ever started fell") {
		t.Errorf("users of before had longer to start ever, yet the review compares:\n%s", text)
	}
	var all []review.Review
	if err := json.Unmarshal([]byte(b.must("review", "--format", "json", "--stage", "early")), &all); err != nil || len(all) != 2 || all[0].Owner != "data@acme.example" {
		t.Errorf("the reviews as JSON: %v %+v", err, all)
	}
	b.refused(2, []string{`"grwth@acme.example"`, "did you mean growth@acme.example?"}, "review", "--owner", "grwth@acme.example")
	b.refused(2, []string{"growth", "stage"}, "review", "--stage", "growth")
	b.refused(2, []string{"--send", "SLACK_WEBHOOK_URL"}, "review", "--send")

	tab := newTab(t, browser(t), "http://"+d.at.HTTP, desktop)
	tab.open(query("metric", "started"))
	tab.until(`document.querySelector(".effect")?.textContent.includes("More than expected")`)
	if got := tab.text(".effect"); !strings.Contains(got, "25") || !strings.Contains(got, "75") || !strings.Contains(got, "+30.0 expected") {
		t.Errorf("the page says of the action %q", got)
	}
	tab.until(`document.querySelectorAll(".flag.action").length === 1 && document.querySelectorAll(".flag.annotation").length === 2`)
	tab.shot("action")
	tab.accessible()
	tab.fine()
	for path, want := range map[string]string{"/review?owner=growth@acme.example": "<h1>acme, 28 April 2026: growth@acme.example</h1>", "/review?stage=adult": "a stage is early, growth or maturity"} {
		answer, err := http.Get("http://" + d.at.HTTP + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || !strings.Contains(string(body), want) || strings.Contains(want, "h1") && !strings.Contains(answer.Header.Get("Content-Security-Policy"), "style-src 'sha256-") {
			t.Errorf("%s: %v %s %v\n%s", path, err, answer.Status, answer.Header, body)
		}
	}
}
