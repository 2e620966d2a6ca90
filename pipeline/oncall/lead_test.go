package oncall_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

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
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
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
	h := newHarness(t, shop)
	h.publish(signups(30, 28, 29)...)
	h.publish(clock(day(30).Add(soon)))
	h.drain()
	first, one := h.watcher("one")
	second, two := h.watcher("two")
	stop := h.run(first)
	eventually(t, "the first says what there is", func() bool { return one.count() == 3 })
	h.run(second)
	eventually(t, "the first is healthy", first.Healthy)
	if second.Healthy() || two.count() != 0 {
		t.Fatal("both lead")
	}
	stop()
	eventually(t, "the second goes on", func() bool { return two.count() == 3 })
}

// Numbers that stand still are said at once, written down once they can be, and end when they move.
func TestStalledPipeline(t *testing.T) {
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
