package worker_test

// Messages that the stream loses before they are read.

import (
	"errors"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/trouble"
	"firstlight/pipeline/worker/faulty"
)

// limit bounds how many messages the event stream keeps.
func (h *harness) limit(messages int64) jetstream.Stream {
	h.t.Helper()
	s, err := h.js.Stream(h.t.Context(), "EVENTS")
	if err != nil {
		h.t.Fatal(err)
	}
	config := s.CachedInfo().Config
	config.MaxMsgs = messages
	if s, err = h.js.UpdateStream(h.t.Context(), config); err != nil {
		h.t.Fatal(err)
	}
	return s
}

// accounted holds that the accounts add up: every sequence of the stream is received or missed, and what is received is applied,
// ignored or dead.
func (h *harness) accounted(last, missed uint64) {
	h.t.Helper()
	if n := h.progressed("missed"); n != missed {
		h.t.Errorf("%d messages are missed, want %d", n, missed)
	}
	received := h.progressed("received")
	if received+missed != last {
		h.t.Errorf("%d received and %d missed of %d", received, missed, last)
	}
	if n := h.progressed("applied + ignored + arraySum(mapValues(dead))"); n != received {
		h.t.Errorf("%d received, %d in an account", received, n)
	}
	rows, err := h.query("SELECT missed FROM `" + h.database + "`.pipeline_progress WHERE partition = 0")
	if err != nil || len(rows) != 1 || rows[0]["missed"] != missed {
		h.t.Errorf("in the row of partition 0 %v are missed (%v), want %d", rows, err, missed)
	}
}

// TestMissedBetweenRuns: what the stream discarded while no worker ran is missed, once, to the message, whatever crashes.
func TestMissedBetweenRuns(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	h.publish(traffic(100, 0))
	h.drain([]byte(hostileCatalog), 3)
	s := h.limit(20)
	h.publish(traffic(200, 100))
	for n := range 6 {
		w := h.worker([]byte(hostileCatalog), 3)
		w.Drain = true
		crashAt(w, n, faulty.Before)
		_ = w.Run(t.Context()) // it crashes, or has nothing left to do
	}
	h.drain([]byte(hostileCatalog), 3)
	h.accounted(300, 180)

	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.publish(traffic(5, 300))
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.drain([]byte(hostileCatalog), 3)
	h.accounted(305, 185)
	h.publish(traffic(10, 305))
	h.drain([]byte(hostileCatalog), 3)
	h.accounted(315, 185)
}

// TestMissedAtTheFirstStart: what a stream had lost before the first start is missed; sequences that it was made without are not.
func TestMissedAtTheFirstStart(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	_, err := h.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, FirstSeq: 1001})
	if err != nil {
		t.Fatal(err)
	}
	h.publish(traffic(50, 0))
	h.drain([]byte(hostileCatalog), 2)
	h.accounted(50, 0)
	h.limit(10)
	if err := h.run(hostileCatalog, 2, rebuild); err != nil {
		t.Fatal(err)
	}
	h.accounted(50, 40)
}

// TestMissedAfterACrash: some partitions are stored further than others when a worker is killed, and have received what the stream
// discards until the next start. That is not missed.
func TestMissedAfterACrash(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	for _, n := range []int32{1, 3, 6} {
		h.reset()
		h.publish(traffic(100, 0))
		w := h.worker([]byte(hostileCatalog), 3)
		w.Drain = true
		w.SmallSnapshots()
		var checkpoints atomic.Int32
		faulty.Inject(w, func(write string, at faulty.Moment) error {
			if write == faulty.Checkpoints && at == faulty.Before {
				checkpoints.Add(1)
			}
			if checkpoints.Load() > n+1 { // the first is made at the start, of all partitions
				return trouble.Final(errCrash)
			}
			return nil
		})
		if err := w.Run(t.Context()); !errors.Is(err, errCrash) {
			t.Fatalf("the worker was to crash after %d checkpoints and ended with %v", n, err)
		}
		stored, err := h.query("SELECT min(applied_seq) AS least, max(applied_seq) AS most FROM `" + h.database + "`.checkpoints FINAL")
		if err != nil {
			t.Fatal(err)
		}
		least, most := stored[0]["least"].(uint64), stored[0]["most"].(uint64)
		h.limit(int64(100 - (least+most)/2))
		t.Logf("partitions are stored up to %d to %d, the stream begins after %d", least, most, (least+most)/2)
		h.drain([]byte(hostileCatalog), 3)
		h.accounted(100, h.progressed("missed"))
	}
}

// TestMissedWhileBehind: what the stream discards before a running worker has read it is missed, and said once, whether or not
// another message comes.
func TestMissedWhileBehind(t *testing.T) {
	onlyInFull(t)
	for name, discard := range map[string]func(h *harness){
		"limits": func(h *harness) { h.limit(100) },
		"a purge of everything": func(h *harness) {
			s, err := h.js.Stream(h.t.Context(), "EVENTS")
			if err == nil {
				err = s.Purge(h.t.Context())
			}
			if err != nil {
				h.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) { missedWhileBehind(t, discard) })
	}
}

func missedWhileBehind(t *testing.T, discard func(*harness)) {
	h := newHarness(t)
	h.publish(traffic(20, 0))
	w := h.worker([]byte(hostileCatalog), 2)
	w.FullAfter(2000)
	blocked, release := make(chan struct{}), make(chan struct{})
	faulty.Inject(w, func(write string, at faulty.Moment) error {
		if write == faulty.Cells && at == faulty.Before {
			select {
			case blocked <- struct{}{}:
			case <-release:
			}
			<-release
		}
		return nil
	})
	r := start(t, w)
	<-blocked
	h.publish(traffic(30_000, 20))
	eventually(t, "the worker takes no more", func() bool { return w.Dealt() > 4096 })
	discard(h)
	close(release)
	eventually(t, "all that is left is applied", func() bool { return h.progressed("received")+h.progressed("missed") == 30_020 })
	missed := h.progressed("missed")
	if missed < 1000 {
		t.Errorf("%d messages are missed, although the worker was far behind", missed)
	}
	h.accounted(30_020, missed)
	r.mustEnd()
	h.drain([]byte(hostileCatalog), 2)
	h.accounted(30_020, missed)
}
