package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// explained is a metric about which everything is said that can be.
const explained = `version: 1
product: acme
windows: [1d]
defaults: {owner: growth@acme.example, objective: More teams that stay, direction: up, indicator: leading}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week, segments: [channel]}
metrics:
  - name: activated
    kind: activation
    cohort: signup
    steps: [project_created]
    within: 7d
    action: Call the five newest stalled teams; check the invite mail
    runbook: https://wiki.acme.example/activation
    guardrails: [{severity: critical, below: 0.4, age: 1h, window: 1d, min_sample: 50}]
`

// explainedEvents are 30 days of 96 sign-ups, of whom half activate within the hour; on the last day nobody from ads does.
func explainedEvents() string {
	var lines strings.Builder
	for d := range 30 {
		for i := range 96 {
			at := time.Date(2026, 3, 2+d, 0, 15*i, 0, 0, time.UTC)
			channel := []string{"ads", "ads", "organic"}[i%3]
			fmt.Fprintf(&lines, `{"event":"signed_up","userId":"u%d-%d","timestamp":"%s","properties":{"channel":"%s"}}`+"\n", d, i, at.Format(time.RFC3339), channel)
			if i%2 == 0 && (d < 29 || channel != "ads") {
				fmt.Fprintf(&lines, `{"event":"project_created","userId":"u%d-%d","timestamp":"%s"}`+"\n", d, i, at.Add(10*time.Minute).Format(time.RFC3339))
			}
		}
	}
	fmt.Fprintln(&lines, `{"event":"dashboard_viewed","userId":"u1-1","timestamp":"2026-04-01T01:00:00Z"}`)
	return lines.String()
}

// bodies is a server that keeps what it is sent.
type bodies struct {
	mu     sync.Mutex
	status int
	all    [][]byte
}

func (b *bodies) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, body)
	w.WriteHeader(b.status)
}

// TestWhatOnCallSees: what docs/on-call.md shows of PagerDuty and Slack is what these are sent about an incident and its end, laid out as
// they do. `go test -run WhatOnCallSees ./cmd/firstlight -update` writes it anew.
func TestWhatOnCallSees(t *testing.T) {
	channel, pager := &bodies{status: http.StatusOK}, &bodies{status: http.StatusAccepted}
	toChannel, toPager := httptest.NewServer(channel), httptest.NewServer(pager)
	t.Cleanup(toChannel.Close)
	t.Cleanup(toPager.Close)
	b := newMigratedBox(t)
	b.env["SLACK_WEBHOOK_URL"], b.env["PAGERDUTY_URL"], b.env["PAGERDUTY_ROUTING_KEY"] = toChannel.URL, toPager.URL, strings.Repeat("k", 32)
	b.env["FIRSTLIGHT_EXTERNAL_URL"] = "https://firstlight.acme.example"
	b.write("catalog.yaml", explained)
	b.must("annotate", "--kind", "deploy", "--title", "Release 4.2", "--author", "ci", "--time", "2026-03-31T00:05:00Z")
	b.must("publish", "--historical", b.write("events.ndjson", explainedEvents()))
	b.must("run", "--drain")
	b.must("annotate", "--kind", "expected", "--title", "Mail outage", "--author", "ada", "--time", "2026-03-31T00:00:00Z", "--until", "2026-04-01T00:00:00Z")
	b.must("run", "--drain")
	var seen strings.Builder
	for _, body := range pager.all {
		seen.WriteString(inPagerDuty(t, body) + "\n")
	}
	for _, body := range channel.all {
		seen.WriteString(inSlack(t, body) + "\n")
	}
	const path, opening, closing = "../../docs/on-call.md", "<!-- what is seen -->\n```text\n", "```\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), opening)
	shown, after, closed := strings.Cut(rest, closing)
	got := strings.TrimSpace(seen.String()) + "\n"
	switch {
	case !found || !closed:
		t.Fatalf("%s has no block of what is seen", path)
	case shown == got:
	case *update:
		if err := os.WriteFile(path, []byte(before+opening+got+closing+after), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s shows other messages than are sent (-shown +sent):\n%s", path, cmp.Diff(strings.Split(shown, "\n"), strings.Split(got, "\n")))
	}
}

// inPagerDuty lays an event out as PagerDuty shows an incident.
func inPagerDuty(t *testing.T, body []byte) string {
	t.Helper()
	var e struct {
		Action  string `json:"event_action"`
		Key     string `json:"dedup_key"`
		Payload struct {
			Summary, Source, Severity, Component, Group, Class string
			Details                                            struct{ Description string } `json:"custom_details"`
		}
		Links []struct{ Href, Text string }
	}
	if err := json.Unmarshal(body, &e); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	text := fmt.Sprintf("── PagerDuty ── %s ── %s\n", e.Action, e.Key)
	if e.Action == "resolve" {
		return text
	}
	p := e.Payload
	text += fmt.Sprintf("%s\n%s · %s · %s · %s · %s\n\n%s\n", p.Summary, p.Severity, p.Source, p.Component, p.Group, p.Class, p.Details.Description)
	for _, l := range e.Links {
		text += fmt.Sprintf("%s ↗ %s\n", l.Text, l.Href)
	}
	return text
}

var slackLink = regexp.MustCompile(`<([^|>]+)\|([^>]+)>`)

// inSlack lays a message out as Slack does; *bold* stays as it is written.
func inSlack(t *testing.T, body []byte) string {
	t.Helper()
	type part struct{ Text string }
	var m struct {
		Blocks []struct {
			Text     part
			Elements []part
		}
	}
	if err := json.Unmarshal(body, &m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	text := "── Slack ──\n"
	for _, b := range m.Blocks {
		for _, p := range append([]part{b.Text}, b.Elements...) {
			if p.Text != "" {
				text += strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&").Replace(slackLink.ReplaceAllString(p.Text, "$2 ↗ $1")) + "\n"
			}
		}
	}
	return text
}
