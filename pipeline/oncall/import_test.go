package oncall_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"firstlight/pipeline/anomaly"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/migratedtest"
)

// Imports of the past: what is loaded half is not said, and what is loaded in the end is, however slowly it came and whatever was
// judged before.

// eightWeeks are those of a product whose sign-ups from ads broke for two days. They end at an instant.
func eightWeeks(end time.Time) []action {
	const days = 56
	all := signups(days, 40, 41)
	shift := end.Sub(day(days)).Truncate(time.Second)
	for i := range all {
		all[i].at = all[i].at.Add(shift)
	}
	slices.SortStableFunc(all, func(a, b action) int { return a.at.Compare(b.at) })
	return all
}

// process runs a worker and a watcher over it until the test ends, and returns what is told.
func (h *harness) process() *noted {
	ctx, cancel := context.WithCancel(h.t.Context())
	p := h.worker(ctx)
	w, told := h.watcher("one")
	w.History = p
	var done sync.WaitGroup
	for _, run := range []func(context.Context) error{p.Run, w.Run} {
		done.Go(func() {
			if err := run(ctx); err != nil {
				h.t.Error(err)
			}
		})
	}
	h.t.Cleanup(func() { cancel(); done.Wait() })
	return told
}

// reported waits until progress was published once more.
func (h *harness) reported() {
	h.t.Helper()
	newest := func() string { return strings.Join(h.rows("SELECT max(updated_at) FROM progress"), "") }
	before := newest()
	eventually(h.t, "progress is published", func() bool { return newest() != before })
}

// publishSlowly stores events over many seconds, while what runs goes on judging.
func (h *harness) publishSlowly(events []action) {
	h.t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for piece := range slices.Chunk(events, len(events)/100) {
		<-tick.C
		h.publish(piece...)
	}
}

// fresh is the same servers and another database.
func (h *harness) fresh() *harness {
	h.t.Helper()
	other := *h
	other.lease = "fresh"
	other.conn, other.database = migratedtest.Database(h.t)
	other.store = clickhouse.NewStore(other.conn, other.database)
	return &other
}

// snapshot returns everything that views of the product say.
func (h *harness) snapshot() map[string][]string {
	all := map[string][]string{}
	for _, view := range []string{"activation_by_cohort", "activation_by_entry_window", "activation_by_window", "progress_by_age", "adoption_by_window", "event_volume", "metric_status"} {
		all[view] = h.rows("SELECT * FROM " + view)
		slices.Sort(all[view])
	}
	return all
}

func (h *harness) told(d *noted, want []anomaly.Message) {
	h.t.Helper()
	eventually(h.t, "all is told", func() bool { return d.count() >= len(want) })
}

// TestImportIntoAnIdleProduct: who idles on an empty stream and then gets eight weeks slowly has the same rows, incidents and
// messages as who starts after the import.
func TestImportIntoAnIdleProduct(t *testing.T) {
	t.Parallel()
	h := newHarness(t, shop)
	told := h.process()
	h.reported()
	h.reported()
	h.publishSlowly(eightWeeks(day(56)))
	h.publish(clock(day(56).Add(soon)))

	before := h.fresh()
	before.drain()
	want := before.evaluate()
	if len(want) == 0 || slices.ContainsFunc(want, func(m anomaly.Message) bool { return m.Reason == anomaly.Silence }) {
		t.Fatalf("who starts after the import says %v", lines(want))
	}
	h.told(told, want)
	h.reported()
	h.reported()
	if diff := cmp.Diff(want, told.all()); diff != "" {
		t.Errorf("messages (-) of who starts after the import, (+) of who had idled:\n%s", diff)
	}
	if diff := cmp.Diff(before.snapshot(), h.snapshot()); diff != "" {
		t.Errorf("rows (-) of who starts after the import, (+) of who had idled:\n%s", diff)
	}
}

// TestImportJudgedInTheMiddle: an import in order of time that pauses is judged where it stands, as if it had come live, and says
// the same in the end.
func TestImportJudgedInTheMiddle(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h := newHarness(t, shop)
	var said []anomaly.Message
	events := append(eightWeeks(day(56)), clock(day(56).Add(soon)))
	for piece := range slices.Chunk(events, len(events)/15) {
		h.publish(piece...)
		h.drain()
		said = append(said, h.news(h.evaluate(), said)...)
	}
	before := h.fresh()
	before.drain()
	asOfThen := cmpopts.IgnoreFields(anomaly.Message{}, "Flags") // such as that late events can still correct it
	if diff := cmp.Diff(before.evaluate(), said, asOfThen); diff != "" {
		t.Errorf("messages (-) of who starts after the import, (+) piece by piece:\n%s", diff)
	}
}

// TestImportBehindLiveEvents: while the past is loaded behind a live event, its sources seem to have fallen silent and its newest
// days to have failed. None of that is said, and in the end all that the past shows is, although judging had gone on to now
// before it came.
func TestImportBehindLiveEvents(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	h := newHarness(t, strings.Replace(shop, "allowed_lateness: 3d", "allowed_lateness: 30y", 1))
	h.publish(action{at: time.Now(), user: "first", name: "clock", live: true})
	told := h.process()
	eventually(t, "the live event is judged", func() bool { return len(h.rows("SELECT 1 FROM evaluations")) > 0 })
	h.publishSlowly(eightWeeks(time.Now()))

	before := h.fresh()
	before.drain()
	want := before.evaluate()
	if len(want) == 0 {
		t.Fatal("the past shows nothing")
	}
	h.told(told, want)
	h.reported()
	if diff := cmp.Diff(lines(want), lines(told.all())); diff != "" {
		t.Errorf("messages (-) of who starts after the import, (+) of who was live before:\n%s", diff)
	}
}
