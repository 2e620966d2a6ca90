package worker_test

// A metric that is new when the stream does not hold the whole history any more.

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/oracle"
)

const newMetrics = `  - {name: new_steps, kind: activation, cohort: signup, steps: [{event: a}, {event: b}], within: 3d}
  - {name: new_value, kind: ttfv, cohort: seen, value: {event: b}}
  - {name: new_use, kind: adoption, cohort: seen, feature: {event: a}, within: 2d}
  - {name: new_back, kind: retention, cohort: signup, period: calendar_day, periods: 3}
`

// days are events of users who sign up in the order of their numbers, one every six hours of some days after noon, and come back for
// three days.
func days(from, to float64, user func(int) string) (messages []oracle.Message) {
	const day, every = 86400, 6 * 3600
	for n := int(from * day / every); n < int(to*day/every); n++ {
		at, id := float64(n)*every, user(n)
		messages = append(messages, good(id, "signed_up", at, `"plan":"pro"`))
		for i, name := range []string{"a", "b", "a", "c", "b"} {
			if (n+i)%4 != 0 {
				messages = append(messages, good(id, name, at+float64(1+i*i*4)*3600, `"n":3`))
			}
		}
	}
	return messages
}

// TestNewMetricsOfATruncatedStream: a metric that is new in a cohort that stays needs no leave where the stream lacks events that were
// counted. Its cohort's entries stay, and it counts users who enter from the first local day on of which the stream holds all, as if there
// were no others: also where those before are seen again, and sign up again. Metrics that stay do not move, accounts are those of the
// live pass, and nothing is missed. A metric that would lose history is not computed.
func TestNewMetricsOfATruncatedStream(t *testing.T) {
	h := newHarness(t)
	h.reset()
	early, late := func(n int) string { return fmt.Sprint("early ", n) }, func(n int) string { return fmt.Sprint("late ", n) }
	all := days(0, 4, early)
	again := days(4.5, 6, func(n int) string { return early(n % 16) }) // who signed up before
	counted := days(5, 9, late)                                        // noon, March 6
	all = append(all, append(append(days(4.1, 4.5, func(n int) string { return fmt.Sprint("between ", n) }), again...), counted...)...)
	slices.SortStableFunc(all, cmpReceived)
	slices.SortStableFunc(counted, cmpReceived)
	h.publish(all)
	h.drainDefinitions(hostileCatalog, 2)
	total := h.lines("SELECT toString((sum(received), sum(applied), sum(missed))) FROM {db}.pipeline_progress")
	kept := func() []string {
		return h.lines(`SELECT toString((kind, name, segment, segment_value, cohort_start, window, stage, bucket, partition, version, generation, n)) AS row
			FROM {db}.cells WHERE NOT startsWith(name, 'new_') ORDER BY row`)
	}
	before := kept()
	cut := uint64(1 + slices.IndexFunc(all, func(m oracle.Message) bool { return m.Header[oracle.ReceivedAt] >= at(4*86400) }))
	s, err := h.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context(), jetstream.WithPurgeSequence(cut)); err != nil {
		t.Fatal(err)
	}

	changed := strings.Replace(hostileCatalog, "within: 1d}\n  - {name: in_order", "within: 2d}\n  - {name: in_order", 1)
	h.drainDefinitions(changed, 2)
	if got := h.lines("SELECT toString(count()) FROM {db}.metric_catalog WHERE state = 'building' OR metric = 'activated' AND formula LIKE '%2 days%'"); got[0] != "0" {
		t.Error("a changed metric is computed although that loses history")
	}

	file := hostileCatalog + newMetrics
	h.drainDefinitions(file, 2)
	if diff := cmp.Diff(before, kept()); diff != "" {
		t.Errorf("cells of metrics that did not change (-before +after):\n%s", diff)
	}
	if got := h.lines("SELECT toString((sum(received), sum(applied), sum(missed))) FROM {db}.pipeline_progress"); !slices.Equal(got, total) {
		t.Errorf("received, applied, missed are %s, of the live pass %s", got, total)
	}
	first := all[cut-1].Header[oracle.ReceivedAt]
	if got := h.lines("SELECT DISTINCT concat(if(startsWith(metric, 'new_'), 'new ', 'kept '), toString(complete_from)) AS row FROM {db}.metric_catalog ORDER BY row"); len(got) != 2 || got[0] != "kept "+stamp(all[0].Header[oracle.ReceivedAt], 0) || got[1] != "new "+stamp(first, 60) {
		t.Errorf("complete from %q, want the first message %s, and a minute after the first that is left, %s", got, all[0].Header[oracle.ReceivedAt], first)
	}
	got := h.newRows()

	alone := newHarness(t)
	alone.publish(counted)
	alone.drain([]byte(file), 2)
	want := alone.newRows()
	for view := range want {
		if diff := cmp.Diff(want[view], got[view]); diff != "" {
			t.Errorf("%s (-of those who count +shown):\n%s", view, diff)
		}
	}
	h.publish(days(9, 10, late))
	h.drainDefinitions(file, 2)
	alone.publish(days(9, 10, late))
	alone.drain([]byte(file), 2)
	if diff := cmp.Diff(alone.newRows(), h.newRows()); diff != "" {
		t.Errorf("after more events (-of those who count +shown):\n%s", diff)
	}
}

func cmpReceived(a, b oracle.Message) int {
	return strings.Compare(a.Header[oracle.ReceivedAt], b.Header[oracle.ReceivedAt])
}

// newRows are the rows of new metrics in every view that has some, as text, in order.
func (h *harness) newRows() map[string][]string {
	h.t.Helper()
	rows := map[string][]string{}
	for _, view := range numericViews {
		if slices.Contains([]string{"event_volume", "voices", "experiment_results", "experiment_by_day", "action_effects"}, view) {
			continue
		}
		for _, row := range h.view(view) {
			if strings.HasPrefix(fmt.Sprint(row["metric"]), "new_") {
				delete(row, "updated_at")
				rows[view] = append(rows[view], fmt.Sprint(row))
			}
		}
		slices.Sort(rows[view])
	}
	return rows
}

// stamp is a received time some seconds later, as ClickHouse writes it.
func stamp(received string, seconds float64) string {
	t, err := time.Parse("2006-01-02T15:04:05.000Z", received)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return t.Add(time.Duration(seconds * float64(time.Second))).Format("2006-01-02 15:04:05.000")
}
