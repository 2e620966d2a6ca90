package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// An incident from the events to on-call, by the binary.

const guarded = `version: 1
product: acme
windows: [1d]
defaults: {owner: growth@acme.example, objective: More teams that stay, direction: up, indicator: leading, action: Call them}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week, segments: [plan]}
metrics:
  - name: activated
    kind: activation
    cohort: signup
    steps: [project_created]
    within: 7d
    labels: {team: growth}
    guardrails: [{severity: critical, below: 0.3, age: 1h, window: 1d, min_sample: 50}]
`

// guardedEvents are ten days of 96 sign-ups, of whom half activate within the hour; on the last day a tenth.
func guardedEvents() string {
	var lines strings.Builder
	for d := range 10 {
		for i := range 96 {
			at := time.Date(2026, 3, 2+d, 0, 15*i, 0, 0, time.UTC)
			fmt.Fprintf(&lines, `{"event":"signed_up","userId":"u%d-%d","timestamp":"%s","properties":{"plan":"free"}}`+"\n", d, i, at.Format(time.RFC3339))
			if d < 9 && i%2 == 0 || i%10 == 0 {
				fmt.Fprintf(&lines, `{"event":"project_created","userId":"u%d-%d","timestamp":"%s"}`+"\n", d, i, at.Add(10*time.Minute).Format(time.RFC3339))
			}
		}
	}
	fmt.Fprintln(&lines, `{"event":"dashboard_viewed","userId":"u1-1","timestamp":"2026-03-12T01:00:00Z"}`)
	return lines.String()
}

// received is what a webhook was sent.
type received struct {
	mu     sync.Mutex
	events []map[string]any
}

func (r *received) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var event map[string]any
	if err != nil || json.Unmarshal(body, &event) != nil || req.Header.Get("Firstlight-Signature") == "" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
}

func (r *received) ids() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		all = append(all, fmt.Sprint(e["id"], " ", e["type"]))
	}
	return all
}

func TestIncident(t *testing.T) {
	hook := &received{}
	server := httptest.NewServer(hook)
	t.Cleanup(server.Close)
	b := newSharedBox(t)
	b.env["WEBHOOK_URL"], b.env["WEBHOOK_SECRET"] = server.URL, "secret"
	b.env["FIRSTLIGHT_EXTERNAL_URL"] = "https://firstlight.acme.example"
	b.write("catalog.yaml", guarded)
	b.must("publish", "--historical", b.write("events.ndjson", guardedEvents()))
	b.must("run", "--drain")

	row := b.tsv("SELECT incident_id, seq, state, reason, severity, metric, cohort, window, window_start, age_seconds, k, n FROM incidents")
	id, rest, _ := strings.Cut(row, "\t")
	if want := "1\topened\tbelow_limit\tcritical\tactivated\tsignup\t1d\t2026-03-11 00:00:00\t3600\t10\t96"; rest != want {
		t.Fatalf("incidents:\n%s\nwant\n%s", row, want)
	}
	if got := hook.ids(); len(got) != 1 || got[0] != id+"-1 firstlight.incident.opened" {
		t.Fatalf("the webhook got %q", got)
	}
	data, _ := hook.events[0]["data"].(map[string]any)
	if link := "https://firstlight.acme.example/?from=2026-02-18&incident=" + id + "&metric=activated&until=2026-03-19"; data["link"] != link || data["sql"] == "" {
		t.Errorf("link %q, want %q; sql %q", data["link"], link, data["sql"])
	}
	if lines := strings.Split(strings.TrimSpace(b.must("backtest")), "\n"); len(lines) != 3 || !strings.Contains(lines[1], "still open") || !strings.Contains(lines[2], "1 incident in 11 days") {
		t.Errorf("backtest:\n%s", strings.Join(lines, "\n"))
	}

	// Restarts, one of them after a kill, say nothing again.
	for range 2 {
		d := b.start("run")
		b.eventually("anomalies were judged", func() bool { return d.tsv("SELECT count() FROM evaluations FINAL") == "1" })
		d.onAnomalies("anomalies.critical.activated", id+"-1")
		d.kill()
	}
	b.must("run", "--drain")
	if got := hook.ids(); len(got) != 1 {
		t.Errorf("after restarts the webhook got %q", got)
	}
}

// onAnomalies checks that the stream holds one message on a subject, with that id.
func (d *daemon) onAnomalies(subject, id string) {
	d.b.t.Helper()
	s, err := d.jetstream().Stream(d.b.t.Context(), "ANOMALIES")
	if err != nil {
		d.b.t.Fatal(err)
	}
	info, err := s.Info(d.b.t.Context(), jetstream.WithSubjectFilter(">"))
	if err != nil {
		d.b.t.Fatal(err)
	}
	m, err := s.GetLastMsgForSubject(d.b.t.Context(), subject)
	if err != nil {
		d.b.t.Fatal(err)
	}
	if m.Header.Get("Nats-Msg-Id") != id || info.State.Msgs != 1 || info.State.Subjects[subject] != 1 {
		d.b.t.Errorf("ANOMALIES holds %v, the last message is %s, want %s once", info.State.Subjects, m.Header.Get("Nats-Msg-Id"), id)
	}
}
