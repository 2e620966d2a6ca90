package oncall_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/anomaly"
)

// onlyInFull leaves a test out of a -short run, which is for the race detector: nothing but the test's own goroutine works in it, or what
// works in other tests too.
func onlyInFull(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("no goroutine works here that does not in other tests: run without -short")
	}
}

const shop = `version: 1
product: acme
windows: [1h, 1d]
allowed_lateness: 3d
example_users: 2
false_alarms_per_month: 5
defaults: {owner: growth@acme.example, objective: Teams that stay, indicator: leading, direction: up, action: Call them}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week, segments: [channel]}
metrics:
  - {name: activated, kind: activation, cohort: signup, steps: [project_created], within: 1d, runbook: "https://wiki.acme.example/r", labels: {team: growth},
     guardrails: [{severity: critical, below: 0.35, age: 1h, window: 1d, min_sample: 40, consecutive: 2}]}
  - {name: exports, kind: adoption, cohort: signup, feature: export_run, guardrails: [{severity: warning, below: 0.05, window: 1d, min_sample: 40}]}
`

var monday = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// soon after the end of a day its users are old enough, and no source is silent yet.
const soon = time.Hour + time.Minute

func day(d int) time.Time { return monday.AddDate(0, 0, d) }

// signups are days of 60 users, two of three from channel ads. Every second one activates after half an hour, none from ads on
// the days that are broken; every third one exports.
func signups(days int, broken ...int) []action {
	var all []action
	for d := range days {
		for i := range 60 {
			at := day(d).Add(time.Duration(i) * 20 * time.Minute)
			channel := []string{"ads", "ads", "organic"}[i%3]
			all = append(all, action{at: at, user: user(d, i), name: "signed_up", properties: map[string]any{"channel": channel}})
			if i%2 == 0 && (channel != "ads" || !slices.Contains(broken, d)) {
				all = append(all, activation(d, i, at.Add(30*time.Minute)))
			}
			if i%3 == 1 {
				all = append(all, action{at: at.Add(time.Minute), user: user(d, i), name: "export_run"})
			}
		}
	}
	return all
}

func activation(d, i int, received time.Time) action {
	return action{at: day(d).Add(time.Duration(i)*20*time.Minute + 30*time.Minute), received: received, user: user(d, i), name: "project_created"}
}

// clock moves the stream's time without touching a number.
func clock(at time.Time) action { return action{at: at, user: "clock", name: "clock"} }

// lines are what was said, without the words.
func lines(messages []anomaly.Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, fmt.Sprintf("%d %s %s %s %s %d/%d", m.Seq, m.Metric.Name, m.Severity, m.State, m.Reason, m.K, m.N))
	}
	return all
}

func expect(t *testing.T, what string, got []anomaly.Message, want ...string) {
	t.Helper()
	if !slices.Equal(lines(got), want) {
		t.Errorf("%s: said\n\t%s\nwant\n\t%s", what, strings.Join(lines(got), "\n\t"), strings.Join(want, "\n\t"))
	}
}

// What on-call is told of an activation that breaks for one channel, from the events to the message.
func TestBrokenChannel(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h := newHarness(t, shop)
	h.publish(signups(30, 28, 29)...)
	h.publish(clock(day(30).Add(soon)))
	h.drain()
	said := h.evaluate()
	expect(t, "the first time", said,
		"1 activated warning opened dropped 10/60",
		"2 activated warning resolved superseded 20/120",
		"1 activated critical opened below_limit 10/60")
	paged := said[len(said)-1]
	const summary = "Activation within 1 h (activated) of users who entered signup on 31 March is 17 % (10 of 60), below the limit of 35 %, " +
		"expected 50 % (37–63 %): about 20 users lost; channel=ads explains 100 %."
	if paged.Summary != summary {
		t.Errorf("summary\n%s\nwant\n%s", paged.Summary, summary)
	}
	if len(paged.ExampleUsers) != 2 || paged.Link == "" || paged.Metric.Labels["team"] != "growth" || paged.Mix.Cause != "rate" {
		t.Errorf("message %+v", paged)
	}
	for _, m := range said {
		if m.State == anomaly.Opened {
			h.showsAgain(&m)
		}
	}
	expect(t, "again", h.news(h.evaluate(), said))
	h.sameInViews(said)
}

// showsAgain checks that a message's query gives its numbers.
func (h *harness) showsAgain(m *anomaly.Message) {
	h.t.Helper()
	want := fmt.Sprintf("(%d,%d,", m.K, m.N)
	if got := h.rows(m.SQL); len(got) != 1 || !strings.HasPrefix(got[0], want) {
		h.t.Errorf("%s gives %v, want %s…", m.SQL, got, want)
	}
}

// sameInViews checks that the views hold exactly what was said.
func (h *harness) sameInViews(said []anomaly.Message) {
	h.t.Helper()
	var want []string
	for _, m := range said {
		want = append(want, fmt.Sprintf("('%s',%d,'%s','%s','%s','%s',%d,%d,'%s')", m.Incident, m.Seq, m.State, m.Reason, m.Severity, m.Metric.Name, m.K, m.N, m.Summary))
	}
	got := h.rows("SELECT incident_id, seq, state, reason, severity, metric, k, n, summary FROM anomalies")
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		h.t.Errorf("the view anomalies has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	open := h.rows("SELECT incident_id FROM incidents WHERE state != 'resolved'")
	if len(open) != 1 {
		h.t.Errorf("open incidents: %v, want one", open)
	}
	if status := h.rows("SELECT metric, open_incidents FROM metric_status ORDER BY metric"); !slices.Equal(status, []string{"('activated',1)", "('exports',0)"}) {
		h.t.Errorf("metric_status: %v", status)
	}
}

// An incident goes on over restarts of whatever judges it, day by day, and ends when the value is back.
func TestDayByDay(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h := newHarness(t, shop)
	var said []anomaly.Message
	events := signups(32, 28, 29)
	step := func(until time.Time) []anomaly.Message {
		var now []action
		for len(events) > 0 && events[0].at.Before(until) {
			now, events = append(now, events[0]), events[1:]
		}
		h.publish(append(now, clock(until))...)
		h.drain()
		fresh := h.news(h.evaluate(), said)
		said = append(said, fresh...)
		return fresh
	}
	slices.SortStableFunc(events, func(a, b action) int { return a.at.Compare(b.at) })
	expect(t, "before", step(day(28).Add(soon)))
	expect(t, "the first broken day", step(day(29).Add(soon)), "1 activated warning opened dropped 10/60")
	expect(t, "the second", step(day(30).Add(soon)), "2 activated warning resolved superseded 20/120", "1 activated critical opened below_limit 10/60")
	expect(t, "one that is well", step(day(31).Add(soon)))
	expect(t, "two that are well", step(day(32).Add(soon)), "2 activated critical resolved recovered 30/60")
}

// Late events that correct what was judged are said as well; an incident that they undo is withdrawn.
func TestLateEvents(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h := newHarness(t, strings.Replace(shop, "consecutive: 2", "consecutive: 1", 1))
	h.publish(signups(30, 29)...)
	h.publish(clock(day(30).Add(soon)))
	h.drain()
	said := h.evaluate()
	expect(t, "at first", said, "1 activated critical opened below_limit 10/60")

	// Five of the missing activations arrive late, and then the rest.
	late := func(from, to int, received time.Time) {
		var all []action
		for i := from; i < to; i++ {
			if i%2 == 0 && i%3 != 2 {
				all = append(all, activation(29, i, received))
			}
		}
		h.publish(append(all, clock(received.Add(time.Minute)))...)
		h.drain()
	}
	late(0, 9, day(30).Add(soon+5*time.Minute))
	corrected := h.news(h.evaluate(), said)
	expect(t, "some arrive late", corrected, "2 activated critical updated below_limit 13/60")
	said = append(said, corrected...)
	late(9, 60, day(30).Add(soon+10*time.Minute))
	withdrawn := h.news(h.evaluate(), said)
	expect(t, "all arrive late", withdrawn, "3 activated critical resolved superseded 13/60")
}

// What was announced is not said.
func TestAnnounced(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h := newHarness(t, strings.Replace(shop, "consecutive: 2", "consecutive: 1", 1))
	h.annotate(`{"kind": "expected", "title": "Bots test the sign-up", "time": "2026-03-31T00:00:00Z", "until": "2026-04-01T00:00:00Z"}`)
	h.publish(signups(30, 29)...)
	h.publish(clock(day(30).Add(soon)))
	h.drain()
	expect(t, "muted", h.evaluate())
}

// A source that falls silent is an incident of its own, as soon as enough is missing.
func TestSilentSource(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h := newHarness(t, shop)
	var events []action
	for _, a := range signups(23) {
		if a.at.Before(day(22).Add(10 * time.Hour)) {
			events = append(events, a)
		}
	}
	h.publish(events...)
	h.publish(action{source: "billing", at: day(22).Add(15 * time.Hour), user: "x", name: "invoice_paid"})
	h.drain()
	said := h.evaluate()
	if len(said) != 1 || said[0].Reason != anomaly.Silence || said[0].Severity != anomaly.Critical || said[0].Metric.Labels["source"] != "web" {
		t.Fatalf("said %v", lines(said))
	}
	if got, want := said[0].WindowStart, day(22).Add(10*time.Hour); !got.Equal(want) {
		t.Errorf("silent since %s, want %s", got, want)
	}
	if got := h.rows(said[0].SQL); len(got) == 0 {
		t.Errorf("%s gives nothing", said[0].SQL)
	}
}

// A guardrail on hours judges the users of each local hour once they are old enough.
func TestGuardrailOnHours(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h := newHarness(t, strings.NewReplacer("window: 1d, min_sample: 40, consecutive: 2", "window: 1h, min_sample: 3", "below: 0.35", "below: 0.6").Replace(shop))
	h.publish(signups(8, 7)...)
	h.publish(clock(day(8).Add(soon)))
	h.drain()
	said := h.evaluate()
	if len(said) == 0 || said[0].Window != "1h" || said[0].AgeSeconds != 3600 || said[0].K != 0 || said[0].N != 3 {
		t.Fatalf("said %v", lines(said))
	}
	if m := &said[0]; !m.At.Equal(m.WindowEnd.Add(time.Hour)) || m.WindowStart.Before(day(7)) {
		t.Errorf("the window from %s was judged at %s", m.WindowStart, m.At)
	}
	h.showsAgain(&said[0])
}
