package worker_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"firstlight/pipeline/cohort"
	"firstlight/pipeline/event"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/scenario"
	"firstlight/pipeline/stream"
)

// numericViews are the views the oracle computes.
var numericViews = []string{
	"activation_by_cohort", "activation_by_cohort_segments", "activation_by_entry_window", "activation_by_entry_window_segments",
	"activation_by_window", "activation_by_window_segments", "activation_steps", "activation_steps_segments",
	"ttfv_by_cohort", "ttfv_by_cohort_segments", "ttfv_by_entry_window", "ttfv_by_entry_window_segments",
	"ttfv_by_window", "ttfv_by_window_segments", "progress_by_age", "progress_by_age_segments",
	"adoption_by_cohort", "adoption_by_cohort_segments", "adoption_by_window", "adoption_by_window_segments",
	"user_progress", "stalled_users", "event_volume",
}

// TestPipelineEqualsOracle: for random catalogs and streams every number in every view equals the batch
// computation of the oracle, which shares no code with the pipeline.
func TestPipelineEqualsOracle(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	rapid.Check(t, func(rt *rapid.T) {
		yaml, messages := drawCatalog(rt), drawStream(rt)
		partitions := rapid.IntRange(1, 4).Draw(rt, "partitions")
		h.reset()
		h.publish(messages)
		h.drain([]byte(yaml), partitions)
		h.compare(rt, yaml, messages, partitions)
	})
}

var errCrash = errors.New("crash")

// TestCrashesChangeNothing: a worker that dies between any two writes of any flush, again and again, ends in the
// numbers of the oracle, and sends each dead letter once.
func TestCrashesChangeNothing(t *testing.T) {
	h := newHarness(t)
	rapid.Check(t, func(rt *rapid.T) {
		yaml, messages := drawCatalog(rt), drawStream(rt)
		partitions := rapid.IntRange(1, 3).Draw(rt, "partitions")
		h.reset()
		h.publish(messages)
		for range rapid.IntRange(1, 4).Draw(rt, "crashes") {
			w := h.worker([]byte(yaml), partitions)
			w.Drain = true
			w.CrashAt(rapid.IntRange(0, 60).Draw(rt, "before write"), errCrash)
			if err := w.Run(t.Context()); err != nil && !errors.Is(err, errCrash) {
				rt.Fatal(err)
			}
		}
		h.drain([]byte(yaml), partitions)
		h.compare(rt, yaml, messages, partitions)
	})
}

// compare holds every numeric view against the oracle.
func (h *harness) compare(rt *rapid.T, yaml string, messages []oracle.Message, partitions int) {
	h.t.Helper()
	bucket := func(ms int64) int { return int(cohort.AgeBucket(ms)) }
	want, err := oracle.ComputeWith(oracle.Options{Bucket: bucket}, []byte(yaml), messages, partitionOf(partitions), asOf(messages))
	if err != nil {
		rt.Fatal(err)
	}
	h.compareAccounts(rt, want.Accounts)
	for _, view := range numericViews {
		for _, problem := range scenario.CompareRows(view, want.Views[view], h.view(view)) {
			rt.Errorf("%s: %s", view, problem)
		}
	}
	if rt.Failed() {
		rt.Logf("catalog:\n%s", yaml)
		for _, m := range messages {
			rt.Logf("%d %s received %s %s", m.Sequence, m.Subject[:12], m.Header[oracle.ReceivedAt], m.Data)
		}
	}
}

// compareAccounts holds the accounts of every partition, and the dead-letter stream, against the oracle.
func (h *harness) compareAccounts(rt *rapid.T, want []oracle.Account) {
	h.t.Helper()
	dead := uint64(0)
	got := map[uint64]oracle.Row{}
	for _, row := range h.view("pipeline_progress") {
		got[row["partition"].(uint64)] = row
	}
	for _, a := range want {
		row := got[uint64(a.Partition)]
		counts := fmt.Sprint(row["received"], row["applied"], row["ignored"], row["clamped"], row["dead"], row["lag"], row["arrival_clock"])
		if wanted := fmt.Sprint(a.Received, a.Applied, a.Ignored, a.Clamped, a.Dead, uint64(0), a.ArrivalClock.UTC()); counts != wanted {
			rt.Errorf("partition %d: received, applied, ignored, clamped, dead, lag, clock are %s, want %s", a.Partition, counts, wanted)
		}
		for _, n := range a.Dead {
			dead += n
		}
	}
	s, err := h.js.Stream(h.t.Context(), stream.DeadStream)
	if err != nil {
		rt.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != dead {
		rt.Errorf("the dead-letter stream holds %d letters, want %d", n, dead)
	}
}

func asOf(messages []oracle.Message) time.Time {
	var newest time.Time
	for _, m := range messages {
		at, _ := time.Parse(time.RFC3339, m.Header[oracle.ReceivedAt])
		if at.After(newest) {
			newest = at
		}
	}
	return newest
}

var zones = []string{"UTC", "Europe/Berlin", "America/Santiago", "Asia/Kolkata", "America/New_York"}

func drawCatalog(t *rapid.T) string {
	var b strings.Builder
	pick := func(what string, values ...string) string { return rapid.SampledFrom(values).Draw(t, what) }
	fmt.Fprintf(&b, "version: 1\nproduct: p\ntimezone: %s\nweek_start: %s\nallowed_lateness: %s\nsettle: 10m\nwindows: [%s]\n",
		pick("zone", zones...), pick("week", "monday", "sunday"), pick("lateness", "1h", "24h", "5d", "730d"),
		pick("windows", "1h, 1d, 7d/1d", "1d, 1w, 1mo", "1h", "3d/1d, 1h, 1w", "1mo, 2d/1d, 7d/1d", "1h, 1d, 1w, 1mo, 28d/1d"))
	b.WriteString("defaults: {owner: o, objective: o, indicator: leading, direction: up, action: a}\ncohorts:\n")
	entry := pick("entry", "{event: a}", "{event: [a, b]}", "{first_seen: true}", `{event: a, where: "properties.n > 2"}`)
	fmt.Fprintf(&b, "  - {name: c, entry: %s, grain: %s, segments: [plan, {name: country, path: context.country, values: [DE, FR]}]}\n", entry, pick("grain", "day", "week", "month"))
	fmt.Fprintf(&b, "  - {name: d, entry: %s, grain: day}\n", pick("entry2", "{event: b}", "{first_seen: true}"))
	b.WriteString("metrics:\n")
	step := func(what string) string {
		return pick(what, "{event: b}", "{event: c}", "{event: [b, c]}", "{event: a}", `{event: "*", count: 2}`, "{event: c, count: 3}", `{event: d, where: 'properties.plan != "pro"'}`, `{event: "*", where: "properties.n >= 5"}`)
	}
	for i := range rapid.IntRange(1, 2).Draw(t, "activations") {
		var steps []string
		for s := range rapid.IntRange(1, 3).Draw(t, "steps") {
			steps = append(steps, strings.Replace(step("step"), "{", fmt.Sprintf("{name: s%d, ", s), 1))
		}
		fmt.Fprintf(&b, "  - {name: act%d, kind: activation, cohort: %s, steps: [%s], order: %s, within: %s}\n", i, pick("cohort", "c", "d"),
			strings.Join(steps, ", "), pick("order", "any", "sequence"), pick("within", "1h", "1d", "7d"))
	}
	fmt.Fprintf(&b, "  - {name: ttfv, kind: ttfv, cohort: %s, value: %s%s}\n", pick("cohort", "c", "d"), step("value"), pick("horizon", "", ", within: 2d"))
	fmt.Fprintf(&b, "  - {name: use, kind: adoption, cohort: %s, feature: %s%s%s}\n", pick("cohort", "c", "d"), pick("feature", "{event: b}", "{event: [a, c]}", `{event: "*", where: "properties.n < 4"}`),
		pick("active", "", ", active: {event: d}", `, active: {event: [a, b], where: "properties.n != 3"}`), pick("horizon2", "", ", within: 3d"))
	return b.String()
}

func drawStream(t *rapid.T) []oracle.Message {
	type arriving struct {
		received time.Time
		user     string
		body     string
	}
	base := time.Date(2026, 3, 26, 20, 30, 0, 0, time.UTC) // the clocks change in Berlin within
	span := time.Duration(rapid.SampledFrom([]int{3, 60, 24 * 9, 24 * 50}).Draw(t, "span hours")) * time.Hour
	grid := rapid.SampledFrom([]time.Duration{time.Millisecond, time.Minute, 30 * time.Minute, 6 * time.Hour}).Draw(t, "grid")
	delay := rapid.SampledFrom([]time.Duration{0, 30 * time.Minute, 6 * time.Hour, 4 * 24 * time.Hour}).Draw(t, "delay")
	var all []arriving
	for range rapid.IntRange(1, 60).Draw(t, "events") {
		at := base.Add(time.Duration(rapid.Int64Range(0, int64(span)).Draw(t, "at")).Truncate(grid))
		e := map[string]any{
			"event": rapid.SampledFrom([]string{"a", "b", "c", "d", "e"}).Draw(t, "event"), "timestamp": at.Format("2006-01-02T15:04:05.000Z"),
			"properties": map[string]any{"plan": rapid.SampledFrom([]any{"pro", "free", 3, true, nil, []int{1}}).Draw(t, "plan"), "n": rapid.IntRange(0, 7).Draw(t, "n")},
			"context":    map[string]any{"country": rapid.SampledFrom([]string{"DE", "FR", "US"}).Draw(t, "country")},
		}
		user := rapid.SampledFrom([]string{"u1", "u2", "u3", "u4", "u5"}).Draw(t, "user")
		e["userId"] = user
		if id := rapid.SampledFrom([]string{"", "", "i1", "i2", "i3"}).Draw(t, "id"); id != "" {
			e["messageId"] = id
		}
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		late := time.Duration(0)
		if delay > 0 {
			late = time.Duration(rapid.Int64Range(0, int64(delay)).Draw(t, "late")).Truncate(time.Millisecond)
		}
		copies := 1 + rapid.IntRange(0, 9).Draw(t, "twice")/9
		for range copies {
			all = append(all, arriving{at.Add(late), user, string(body)})
		}
	}
	if rapid.Bool().Draw(t, "in order of receipt") {
		sort.SliceStable(all, func(i, j int) bool { return all[i].received.Before(all[j].received) })
	}
	var out []oracle.Message
	for i, a := range all {
		out = append(out, oracle.Message{
			Subject: event.Subject("web", a.user), Header: map[string]string{oracle.ReceivedAt: a.received.Format("2006-01-02T15:04:05.000Z")},
			Stored: time.Now(), Sequence: uint64(i + 1), Data: []byte(a.body),
		})
	}
	return out
}
