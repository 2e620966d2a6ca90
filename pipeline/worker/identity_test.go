package worker_test

// Streams that are not the one any more that the numbers come from.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
)

// ended waits until a worker has ended by itself, and returns why.
func (r *running) ended() error {
	r.t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(2 * time.Minute):
		r.t.Fatal("waited two minutes until the worker ended by itself")
		return nil
	}
}

// backup is a copy of a place's data, taken while its server is down.
func (p *place) backup() string {
	p.t.Helper()
	dir := filepath.Join(p.t.TempDir(), "backup")
	p.stop()
	if err := os.CopyFS(dir, os.DirFS(p.dir)); err != nil {
		p.t.Fatal(err)
	}
	p.start()
	return dir
}

// TestAnotherStreamUnderARunningWorker: however the stream is replaced under a running worker, the worker stops in one line and
// counts nothing of the other; a rebuild takes that as it is.
func TestAnotherStreamUnderARunningWorker(t *testing.T) {
	for _, c := range []struct {
		name    string
		replace func(*testing.T, *place, *harness)
	}{
		{"deleted", func(t *testing.T, _ *place, h *harness) {
			h.deleteStream()
		}},
		{"deleted and made again at once, shorter", func(t *testing.T, _ *place, h *harness) {
			h.deleteStream()
			h.publish(traffic(200, 5000))
		}},
		{"deleted and made again at once, longer", func(t *testing.T, _ *place, h *harness) {
			h.deleteStream()
			h.publish(traffic(900, 5000))
		}},
		{"the server comes back empty and an app makes the stream again", func(t *testing.T, p *place, h *harness) {
			p.stop()
			p.dir = t.TempDir()
			p.start()
			p.reconnected(h.nats)
			h.publish(traffic(900, 5000))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if strings.HasPrefix(c.name, "deleted") {
				onlyInFull(t)
			}
			p := newPlace(t)
			h := p.harness()
			h.publish(traffic(400, 0))
			r := start(t, h.worker([]byte(hostileCatalog), 2))
			h.applied(400)
			c.replace(t, p, h)
			h.refused(r.ended(), "EVENTS", "--rebuild")
			nothingRuns(t)
			if n := h.progressed("received"); n != 400 {
				t.Errorf("%d messages are counted, want the 400 of the first stream", n)
			}
			if c.name == "deleted" {
				h.publish(traffic(100, 5000))
			}
			if err := h.js.DeleteStream(t.Context(), stream.DeadStream); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
				t.Fatal(err)
			}
			h.refused(h.run(hostileCatalog, 2, func(*worker.Worker) {}), "EVENTS", "created", "--rebuild")
			if err := h.run(hostileCatalog, 2, rebuild); err != nil {
				t.Fatal(err)
			}
			h.equalsOracle(hostileCatalog, 2)
		})
	}
}

func (h *harness) deleteStream() {
	h.t.Helper()
	if err := h.js.DeleteStream(h.t.Context(), "EVENTS"); err != nil {
		h.t.Fatal(err)
	}
}

// TestRestoredStream: a stream that was restored to an older state and went on is refused, at a start and under a running
// worker, by a message that is another now, although creation time and sequences fit.
func TestRestoredStream(t *testing.T) {
	onlyInFull(t)
	for _, running := range []bool{false, true} {
		t.Run(map[bool]string{false: "at a start", true: "under a running worker"}[running], func(t *testing.T) {
			p := newPlace(t)
			h := p.harness()
			h.publish(traffic(500, 0))
			backup := p.backup()
			p.reconnected(h.nats)
			h.publish(traffic(500, 500))
			r := start(t, h.worker([]byte(hostileCatalog), 2))
			h.applied(1000)
			if !running {
				r.mustEnd()
			}

			p.stop()
			p.dir = backup
			p.start()
			p.reconnected(h.nats)
			h.publish(traffic(900, 7000))
			if running {
				h.refused(r.ended(), "EVENTS", "--rebuild")
			}
			h.refused(h.run(hostileCatalog, 2, func(*worker.Worker) {}), "EVENTS", "another message", "older state", "--rebuild")
			if n := h.progressed("received"); n != 1000 {
				t.Errorf("%d messages are counted, want the 1,000 from before", n)
			}
			if err := h.run(hostileCatalog, 2, rebuild); err != nil {
				t.Fatal(err)
			}
			h.equalsOracle(hostileCatalog, 2)
		})
	}
}

// TestMessagesThatAreRightlyGone: messages that left the stream by deletion, purge or limits after they were applied prove
// nothing and are not missed: the worker goes on, also from a restart, also when nothing is left at all.
func TestMessagesThatAreRightlyGone(t *testing.T) {
	onlyInFull(t)
	for _, c := range []struct {
		name string
		lose func(*testing.T, jetstream.Stream)
	}{
		{"the newest, one by one", func(t *testing.T, s jetstream.Stream) {
			last := s.CachedInfo().State.LastSeq
			for seq := last; seq > last-20; seq-- {
				if err := s.DeleteMsg(t.Context(), seq); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"most of them", func(t *testing.T, s jetstream.Stream) {
			if err := s.Purge(t.Context(), jetstream.WithPurgeSequence(390)); err != nil {
				t.Fatal(err)
			}
		}},
		{"all", func(t *testing.T, s jetstream.Stream) {
			if err := s.Purge(t.Context()); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHarness(t)
			h.publish(traffic(400, 0))
			r := start(t, h.worker([]byte(hostileCatalog), 2))
			h.applied(400)
			s, err := h.js.Stream(t.Context(), "EVENTS")
			if err != nil {
				t.Fatal(err)
			}
			c.lose(t, s)
			h.publish(traffic(50, 400))
			h.applied(450)
			r.mustEnd()
			if _, err := s.Info(t.Context()); err != nil {
				t.Fatal(err)
			}
			c.lose(t, s)
			h.publish(traffic(50, 450))
			h.drain([]byte(hostileCatalog), 2)
			if received, missed := h.progressed("received"), h.progressed("missed"); received != 500 || missed != 0 {
				t.Errorf("%d messages are received and %d missed, want 500 and 0", received, missed)
			}
		})
	}
}

// TestLettersAfterARestore: a stream that was restored gives its sequences to other messages. What was refused before does not
// stand for what is refused after a rebuild.
func TestLettersAfterARestore(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	refused := func(n int, data string) (messages []oracle.Message) {
		for i := range n {
			messages = append(messages, imported(event.Subject("web", fmt.Sprint("user ", i%5)), float64(i), data))
		}
		return messages
	}
	h.publish(refused(20, "{"))
	h.drain([]byte(hostileCatalog), 2)
	if err := h.js.DeleteStream(t.Context(), "EVENTS"); err != nil { // the harness' letters name no creation, as if it were the same
		t.Fatal(err)
	}
	h.publish(refused(30, "["))
	for range 2 {
		if err := h.run(hostileCatalog, 2, rebuild); err != nil {
			t.Fatal(err)
		}
	}
	letters := map[string]int{}
	for _, l := range h.stored(stream.DeadStream) {
		letters[string(l.Data)]++
	}
	if letters["{"] != 20 || letters["["] != 30 {
		t.Errorf("of 20 messages before the restore and 30 after it there are the letters %v", letters)
	}
}
