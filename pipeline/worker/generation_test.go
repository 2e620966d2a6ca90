package worker_test

// Rebuilds beside running workers, and rebuilds that are killed.

import (
	"errors"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/worker"
	"firstlight/pipeline/worker/faulty"
)

// TestRebuildBesideAWorker: a rebuild that is killed before any of its writes, while another worker runs, changes no number:
// the worker goes on by itself, and so does whoever starts next.
func TestRebuildBesideAWorker(t *testing.T) {
	h := newHarness(t)
	writes := []int{1, 2, 4, 5, 13}
	if testing.Short() { // the worker beside goes on in the same way after each
		writes = writes[2:3]
	}
	for _, n := range writes {
		h.reset()
		h.publish(traffic(300, 0))
		going := h.worker([]byte(hostileCatalog), 2)
		going.LeaveRebuild(time.Second) // both compute the same, so it does not matter which of them completes it
		beside := start(t, going)
		h.applied(300)

		w := h.worker([]byte(hostileCatalog), 2)
		w.Rebuild, w.Drain = true, true
		crashAt(w, n, faulty.Before)
		if err := w.Run(t.Context()); !errors.Is(err, errCrash) {
			t.Fatalf("the rebuild was to crash before write %d and ended with %v", n, err)
		}
		h.publish(traffic(100, 300))
		h.applied(400)
		beside.mustEnd()
		h.equalsOracle(hostileCatalog, 2)

		h.publish(traffic(100, 400))
		h.drain([]byte(hostileCatalog), 2)
		h.equalsOracle(hostileCatalog, 2)
	}
}

// TestKilledRebuild: where nobody else runs, the next start completes a rebuild that was killed before any of its writes.
func TestKilledRebuild(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	changed := strings.Replace(hostileCatalog, "within: 1d", "within: 2d", 1)
	for _, n := range []int{2, 3, 4, 13} {
		h.reset()
		h.publish(traffic(300, 0))
		h.drain([]byte(hostileCatalog), 2)
		err := h.run(changed, 3, func(w *worker.Worker) { w.Rebuild = true; crashAt(w, n, faulty.Before) })
		if !errors.Is(err, errCrash) {
			t.Fatalf("the rebuild was to crash before write %d and ended with %v", n, err)
		}
		h.drain([]byte(changed), 3)
		h.equalsOracle(changed, 3)
	}
}

// TestRebuildOfAnotherDefinition: a worker beside which another catalog is computed stops in one line.
func TestRebuildOfAnotherDefinition(t *testing.T) {
	h := newHarness(t)
	h.publish(traffic(300, 0))
	beside := start(t, h.worker([]byte(hostileCatalog), 2))
	h.applied(300)
	changed := strings.Replace(hostileCatalog, "within: 1d", "within: 2d", 1)
	if err := h.run(changed, 3, rebuild); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-beside.done:
		h.refused(err, "activated", "--rebuild")
	case <-time.After(5 * time.Minute):
		t.Fatal("the worker goes on with another catalog than the one in force")
	}
	h.publish(traffic(100, 300))
	h.drain([]byte(changed), 3)
	h.equalsOracle(changed, 3)
}
