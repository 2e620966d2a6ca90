package oncall_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/oncall"
)

// run starts a watcher, and returns what ends it.
func (h *harness) run(w *oncall.Watcher) (stop func()) {
	ctx, cancel := context.WithCancel(h.t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if err := w.Run(ctx); err != nil {
			h.t.Error(err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); done.Wait() })
	h.t.Cleanup(stop)
	return stop
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(5 * time.Minute)
	tick := time.NewTicker(100 * time.Millisecond) // most conditions are queries of views, which cost the engine that much
	defer tick.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("%s: not within 30 s", what)
		case <-tick.C:
		}
	}
}

// One of two watchers says what there is to say; when it ends, the other goes on and hands on what was said, in case it was not
// sent.
func TestOneLeads(t *testing.T) {
	t.Parallel()
	h := newHarness(t, shop)
	h.publish(signups(30, 28, 29)...)
	h.publish(clock(day(30).Add(soon)))
	h.drain()
	first, one := h.watcher("one")
	second, two := h.watcher("two")
	core, log := observer.New(zap.InfoLevel)
	first.Log, second.Log = zap.New(core).Named("one"), zap.New(core).Named("two")
	stop := h.run(first)
	eventually(t, "the first says what there is", func() bool { return one.count() == 3 })
	h.run(second)
	eventually(t, "the first is healthy", first.Healthy)
	if second.Healthy() || two.count() != 0 {
		t.Fatal("both lead")
	}
	stop()
	eventually(t, "the second goes on", func() bool { return two.count() == 3 })
	var led []string
	for _, e := range log.All() {
		if strings.HasPrefix(e.Message, "this worker judges") {
			led = append(led, e.LoggerName+": "+e.Message)
		}
	}
	if want := []string{"one: this worker judges incidents from here", "one: this worker judges no incidents any more", "two: this worker judges incidents from here"}; !slices.Equal(led, want) {
		t.Errorf("the log says %q, want %q", led, want)
	}
}

// Numbers that stand still are said at once, written down once they can be, and end when they move.
func TestStalledPipeline(t *testing.T) {
	t.Parallel()
	h := newHarness(t, shop)
	h.publish(signups(3)...)
	h.drain()
	w, told := h.watcher("one")
	var stalled atomic.Bool
	stalled.Store(true)
	offset := atomic.Int64{} // makes the watcher's time pass
	w.Health = func(now time.Time) anomaly.Health {
		now = now.Add(time.Duration(offset.Add(int64(time.Minute))))
		health := anomaly.Health{Now: now, Moved: now, Written: now}
		if stalled.Load() {
			health.Written = now.Add(-time.Hour)
		}
		return health
	}
	h.run(w)
	eventually(t, "it is said", func() bool { return told.count() == 1 })
	eventually(t, "it is in the view", func() bool {
		return len(h.rows("SELECT 1 FROM incidents WHERE metric = 'pipeline_progress' AND severity = 'critical' AND state = 'opened'")) == 1
	})
	stalled.Store(false)
	eventually(t, "it ends", func() bool {
		return len(h.rows("SELECT 1 FROM incidents WHERE metric = 'pipeline_progress' AND state = 'resolved' AND reason = 'recovered'")) == 1
	})
}

// A note over an incident that is open mutes it, also while no event comes, and says who wrote it.
func TestMuteWhileNoEventsCome(t *testing.T) {
	t.Parallel()
	h := newHarness(t, strings.Replace(shop, "consecutive: 2", "consecutive: 1", 1))
	h.publish(signups(30, 29)...)
	h.publish(clock(day(30).Add(soon)))
	h.drain()
	w, told := h.watcher("one")
	h.run(w)
	eventually(t, "it is told", func() bool { return told.count() == 1 })
	h.annotate(`{"kind": "expected", "title": "Mail outage", "author": "ann", "time": "2026-03-31T00:00:00Z", "until": "2026-04-01T00:00:00Z"}`)
	eventually(t, "it is muted", func() bool { return told.last().Reason == anomaly.Muted })
	const want = "Muted by the annotation 'Mail outage' (ann). Before: Activation within 1 h"
	if m := told.last(); m.State != anomaly.Resolved || !strings.HasPrefix(m.Summary, want) {
		t.Errorf("said %q", m.Summary)
	}
	if muted := anomaly.JudgeMuted(h.catalog, h.evidence()); len(muted) != 1 || muted[0].Incident != told.last().Incident || muted[0].Reason != anomaly.Muted {
		t.Errorf("muted %q", lines(muted))
	}
}

// Who judges all that is counted, as backtest does, sees an outage of months ago, which nobody looks back at who judges today.
func TestAllThatIsCountedIsRead(t *testing.T) {
	onlyInFull(t)
	t.Parallel()
	const days, outage = 165, 20
	h := newHarness(t, shop)
	var events []action
	for hour := range 24 * days {
		if at := day(0).Add(time.Duration(hour) * time.Hour); hour/24 != outage {
			events = append(events, action{at: at, user: "u", name: "clock"}, action{at: at.Add(time.Minute), user: "u", name: "clock"})
		}
	}
	h.publish(events...)
	h.drain()
	e := h.evidence()
	if from := anomaly.Lookback(h.catalog, e.AsOf).Time(); !day(outage + 1).Before(from) {
		t.Fatalf("the outage lies within what is judged today, from %s on", from)
	}
	all := anomaly.Judge(h.catalog, e)
	if len(all) != 1 || all[0].Messages[0].Reason != anomaly.Silence || !all[0].Messages[0].WindowStart.Equal(day(outage)) {
		t.Errorf("all that is counted shows %d incidents: %+v", len(all), all)
	}
}

// evidence is all that is counted.
func (h *harness) evidence() *anomaly.Evidence {
	h.t.Helper()
	e, err := h.store.Evidence(h.t.Context(), h.catalog, 0)
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}
