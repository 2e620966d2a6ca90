package worker_test

// An empty stream has no clock: whoever idled on it before an import computes what whoever started after it does.

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/oracle"
	"firstlight/pipeline/stream"
)

// young has a week of which nobody has had the time when the import ends: it has no rate.
const young = `version: 1
product: t
allowed_lateness: 24h
windows: [1d, 7d/1d]
defaults: {owner: a@b.example, objective: o, indicator: leading, direction: up, action: a}
cohorts: [{name: signup, entry: {event: signed_up}, grain: week}]
metrics:
  - {name: activated, kind: activation, cohort: signup, steps: [done], within: 7d}
  - {name: first, kind: ttfv, cohort: signup, value: done, within: 7d}
  - {name: use, kind: adoption, cohort: signup, feature: done, within: 7d}
`

// archive is ada, who got there, and eve, whose week is not over when the archive ends.
func archive() []oracle.Message {
	const days = 24 * 3600
	return []oracle.Message{good("ada", "signed_up", 0, ""), good("ada", "done", days, ""), good("eve", "signed_up", 18*days, "")}
}

// texts are the rows of views, to be compared.
func texts(views map[string][]oracle.Row) map[string][]string {
	all := map[string][]string{}
	for view, rows := range views {
		for _, row := range rows {
			all[view] = append(all[view], fmt.Sprint(row))
		}
		slices.Sort(all[view])
	}
	return all
}

func TestImportAfterIdling(t *testing.T) {
	onlyInFull(t)
	before := newHarness(t)
	before.publish(archive())
	before.drain([]byte(young), 4)
	want, wantAsOf := texts(before.viewsEqualOracle(young, 4)), before.asOf()

	for name, idle := range map[string]func(*testing.T, *harness){
		"one worker": func(t *testing.T, h *harness) {
			r := start(t, h.worker([]byte(young), 4))
			h.waits(t)
			h.showsNothing(t)
			h.publish(archive())
			h.applied(3)
			h.reports(1)
			r.mustEnd()
		},
		"two workers": func(t *testing.T, h *harness) {
			r, other := start(t, h.worker([]byte(young), 4)), start(t, h.worker([]byte(young), 4))
			h.waits(t)
			h.publish(archive())
			h.applied(3)
			h.reports(1)
			other.mustEnd()
			r.mustEnd()
		},
		"a worker that ended": func(t *testing.T, h *harness) {
			r := start(t, h.worker([]byte(young), 4))
			h.waits(t)
			r.mustEnd()
			h.drain([]byte(young), 4)
			h.publish(archive()[:1])
			h.drain([]byte(young), 4)
			r = start(t, h.worker([]byte(young), 4))
			h.reports(2)
			h.publish(archive()[1:])
			h.applied(3)
			h.reports(1)
			r.mustEnd()
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			h.publish(nil)
			idle(t, h)
			if got := h.asOf(); !got.Equal(wantAsOf) {
				t.Errorf("who had idled is at %s, who starts after the import at %s", got, wantAsOf)
			}
			if name != "one worker" { // the views are functions of the counts, accounts and clocks
				h.equalsOracle(young, 4)
				return
			}
			if diff := cmp.Diff(want, texts(h.viewsEqualOracle(young, 4))); diff != "" {
				t.Errorf("who had idled computes something else than who starts after the import:\n%s", diff)
			}
		})
	}
}

// waits lets running workers idle: nothing says that time passes.
func (h *harness) waits(t *testing.T) {
	t.Helper()
	h.reports(3)
	if now := h.asOf(); now.UnixMilli() != 0 {
		t.Errorf("an empty stream has the clock %s", now)
	}
}

// showsNothing holds that the views answer, and have no number, of an empty stream.
func (h *harness) showsNothing(t *testing.T) {
	t.Helper()
	for _, view := range numericViews {
		for _, row := range h.view(view) {
			if view != "metric_status" || row["n"] != uint64(0) || row["value"] != nil {
				t.Errorf("%s of an empty stream has the row %v", view, row)
			}
		}
	}
}

// TestServersOwnMessages: delete markers that the server stores are ignored, move no clock, and are not the newest event: as_of
// follows the server's clock behind live events, and stands where an import ended.
func TestServersOwnMessages(t *testing.T) {
	onlyInFull(t)
	for name, live := range map[string]bool{"live events": true, "an import": false} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			config := jetstream.StreamConfig{
				Name: "EVENTS", Subjects: []string{stream.EventSubjects}, MaxAge: time.Hour, Duplicates: time.Second,
				AllowMsgTTL: true, AllowRollup: true, SubjectDeleteMarkerTTL: 10 * time.Minute,
			}
			if _, err := h.js.CreateStream(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			r := start(t, h.worker([]byte(hostileCatalog), 4))
			if live {
				h.publishLive("u", "v")
			} else {
				h.publish([]oracle.Message{good("u", "signed_up", 0, ""), good("v", "signed_up", 1, "")})
			}
			h.applied(2)
			clocks := h.clocks()
			config.MaxAge = 2 * time.Second // not before they are read
			if _, err := h.js.UpdateStream(t.Context(), config); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the server has left a marker for each user", func() bool { return h.progressed("ignored") == 2 })
			if now := h.clocks(); now != clocks {
				t.Errorf("the server's own messages moved the arrival clocks from %s to %s", clocks, now)
			}
			if n := len(h.stored(stream.DeadStream)); n != 0 {
				t.Errorf("%d of them became dead letters", n)
			}
			h.follows(t, live)
			r.mustEnd()
			r = start(t, h.worker([]byte(hostileCatalog), 4))
			h.follows(t, live)
			r.mustEnd()
		})
	}
}

// follows checks whether as_of moves although nothing comes.
func (h *harness) follows(t *testing.T, want bool) {
	t.Helper()
	h.reports(2)
	before := h.asOf()
	h.reports(2)
	if now := h.asOf(); now.After(before) != want {
		t.Errorf("as_of went from %s to %s", before, now)
	}
}

func (h *harness) clocks() string {
	h.t.Helper()
	rows, err := h.query("SELECT toString(groupArray(arrival_clock)) AS clocks FROM (SELECT arrival_clock FROM `" + h.database + "`.pipeline_progress ORDER BY partition)")
	if err != nil {
		h.t.Fatal(err)
	}
	return rows[0]["clocks"].(string)
}

// A message of the server's own is told by its headers, whatever it holds.
func TestHousekeepingIsNoEvent(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	marker := good("u", "signed_up", 900, "")
	marker.Header["Nats-Marker-Reason"] = "MaxAge"
	h.publish([]oracle.Message{good("u", "signed_up", 0, ""), marker})
	h.drain([]byte(hostileCatalog), 1)
	if now := h.asOf(); !now.Equal(noon) {
		t.Errorf("as_of is %s, want %s", now, noon)
	}
	h.equalsOracle(hostileCatalog, 1)
}
