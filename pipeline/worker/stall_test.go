package worker_test

// What stands still is seen, and goes on by itself.

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
	"firstlight/pipeline/worker/faulty"
)

// waits reports whether messages of a partition have waited for a while and none of them was stored.
func waits(w *worker.Worker, while time.Duration) bool {
	for _, p := range w.Observe().Partitions {
		if !p.WaitsSince.IsZero() && time.Since(p.WaitsSince) >= while {
			return true
		}
	}
	return false
}

// TestTableCannotBeWritten: whichever table it is, messages are seen to wait; when it can be written again, the numbers are as if
// it always could. A partition that has nothing to store waits for nothing.
func TestTableCannotBeWritten(t *testing.T) {
	h := newHarness(t)
	h.publish(traffic(100, 0))
	w := h.worker([]byte(hostileCatalog), 2)
	r := start(t, w)
	h.applied(100)
	published := 100
	const day = 86_400
	for i, table := range []string{"names", "cells", "users", "checkpoints", "calendar"} {
		h.exec("DETACH TABLE `" + h.database + "`." + table)
		from := float64(day * (i + 1))
		if table == "calendar" { // it reaches 130 days ahead
			from = 170 * day
		}
		next := traffic(20, from)
		for i := range next { // plans that nobody had are new names
			next[i].Data = []byte(fmt.Sprintf(`{"event":"signed_up","userId":"%s %d","timestamp":%q,"properties":{"plan":"%s %d"}}`, table, i, next[i].Header["Firstlight-Received-At"], table, i))
		}
		h.publish(next)
		published += len(next)
		eventually(t, "messages wait while "+table+" is away", func() bool { return waits(w, 2*time.Second) })
		h.exec("ATTACH TABLE `" + h.database + "`." + table)
		h.applied(published)
		eventually(t, "no message waits", func() bool { return !waits(w, 0) })
	}
	r.mustEnd()
	nothingRuns(t)
	h.equalsOracle(hostileCatalog, 2)
}

func (h *harness) exec(sql string) {
	h.t.Helper()
	if err := h.conn.Exec(h.t.Context(), sql); err != nil {
		h.t.Fatal(err)
	}
}

// TestDeadStreamDeleted: a dead-letter stream that is deleted under a running worker is made again for the next letter: nothing waits,
// and every later letter is there once.
func TestDeadStreamDeleted(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	h.publish(traffic(100, 0))
	w := h.worker([]byte(hostileCatalog), 2)
	r := start(t, w)
	h.applied(100)
	if err := h.js.DeleteStream(t.Context(), stream.DeadStream); err != nil {
		t.Fatal(err)
	}
	h.publish(traffic(100, 100))
	h.applied(200)
	r.mustEnd()
	nothingRuns(t)
	dead := 0
	for _, l := range h.stored(stream.DeadStream) {
		if n, err := strconv.Atoi(l.Header[stream.HeaderSequence]); err != nil || n <= 100 {
			t.Errorf("there is a letter of message %s", l.Header[stream.HeaderSequence])
		}
		dead++
	}
	if dead != 10 {
		t.Errorf("10 bad messages have %d letters", dead)
	}
}

// TestPausedWorker: a worker that pauses while it sends letters, for longer than the server remembers their ids and while another
// worker sends the same, sends none twice when it goes on.
func TestPausedWorker(t *testing.T) {
	h := newHarness(t)
	_, err := h.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream.DeadStream, Subjects: []string{"dead.>"}, Duplicates: 100 * time.Millisecond, AllowDirect: true})
	if err != nil {
		t.Fatal(err)
	}
	paused := h.worker([]byte(hostileCatalog), 2)
	reached, goOn := make(chan struct{}, 1), make(chan struct{})
	faulty.Inject(paused, func(write string, at faulty.Moment) error {
		if write == faulty.Dead && at == faulty.Before {
			select {
			case reached <- struct{}{}:
			default: // one is enough
			}
			<-goOn
		}
		return nil
	})
	a := start(t, paused)
	h.publish(traffic(200, 0))
	<-reached // its snapshot has letters, of which none is sent
	h.drain([]byte(hostileCatalog), 2)
	info, err := h.js.Publish(t.Context(), "dead.probe", nil, jetstream.WithMsgID("probe"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server has forgotten the ids", func() bool {
		info, err = h.js.Publish(t.Context(), "dead.probe", nil, jetstream.WithMsgID("probe"))
		return err == nil && !info.Duplicate
	})
	close(goOn)
	h.publish(traffic(10, 200))
	h.applied(210)
	a.mustEnd()
	nothingRuns(t)
	letters := map[string]int{}
	for _, l := range h.stored(stream.DeadStream) {
		if strings.HasPrefix(l.Subject, "dead.malformed.") {
			letters[l.Header[stream.HeaderSequence]]++
		}
	}
	for sequence, n := range letters {
		if n != 1 {
			t.Errorf("message %s has %d letters", sequence, n)
		}
	}
	if len(letters) != 21 {
		t.Errorf("21 bad messages have letters of %d", len(letters))
	}
}
