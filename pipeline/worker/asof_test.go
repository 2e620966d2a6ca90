package worker_test

// as_of: the received time up to which all partitions have applied the stream.

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"firstlight/pipeline/event"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/stream"
)

// publishLive stores events without a received time of their own, and returns the stream's time of the last.
func (h *harness) publishLive(users ...string) time.Time {
	h.t.Helper()
	for _, user := range users {
		msg := nats.NewMsg(event.Subject("web", user))
		msg.Data = []byte(`{"event":"signed_up","userId":"` + user + `"}`)
		if _, err := h.js.PublishMsg(h.t.Context(), msg); err != nil {
			h.t.Fatal(err)
		}
	}
	s, err := h.js.Stream(h.t.Context(), "EVENTS")
	if err != nil {
		h.t.Fatal(err)
	}
	return s.CachedInfo().State.LastTime.Truncate(time.Millisecond)
}

// reports waits until a running worker has published its progress n times more.
func (h *harness) reports(n int) {
	h.t.Helper()
	last := ""
	for range n + 1 {
		eventually(h.t, "progress is published", func() bool {
			rows, err := h.query("SELECT toString(max(updated_at)) AS at FROM `" + h.database + "`.progress")
			if err != nil {
				h.t.Fatal(err)
			}
			newer := strings.Compare(rows[0]["at"].(string), last) > 0
			last = rows[0]["at"].(string)
			return newer
		})
	}
}

// TestAsOfOfLiveEvents: as_of follows the server's clock while nothing is pending, although three of four
// partitions are idle; it stands still at a historical event; and it never goes back, a restart included.
func TestAsOfOfLiveEvents(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	h.publish(nil)
	last := h.publishLive("u")
	r := start(t, h.worker([]byte(hostileCatalog), 4))
	h.applied(1)
	eventually(t, "as_of is beyond the newest event", func() bool { return h.asOf().After(last.Add(time.Second)) })
	for range 3 {
		before := h.asOf()
		h.publishLive("u")
		h.reports(2)
		if now := h.asOf(); now.Before(before) {
			t.Fatalf("as_of went back from %s to %s", before, now)
		}
	}
	h.applied(4)
	live := h.asOf()
	eventually(t, "as_of moves without events", func() bool { return h.asOf().After(live) })

	h.publish([]oracle.Message{good("other", "signed_up", 0, "")})
	h.applied(5)
	h.reports(1)
	standing := h.asOf()
	h.reports(3)
	if now := h.asOf(); !now.Equal(standing) || now.Before(live) {
		t.Errorf("as_of was %s, then %s, and is %s: behind a historical event it stands still", live, standing, now)
	}
	r.mustEnd()

	r = start(t, h.worker([]byte(hostileCatalog), 4))
	h.reports(2)
	if now := h.asOf(); !now.Equal(standing) {
		t.Errorf("a restart moved as_of from %s to %s", standing, now)
	}
	last = h.publishLive("u", "other")
	eventually(t, "a live event moves as_of on", func() bool { return h.asOf().After(last) })
	r.mustEnd()
	h.viewsEqualOracle(hostileCatalog, 4)
}

// TestAsOfOfImports: as_of is the largest received time of the stream, whichever message and partition it is of,
// and stays there while the clock moves on; a drain leaves it there too.
func TestAsOfOfImports(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	h.publish([]oracle.Message{
		good("u", "signed_up", 0, ""), imported(event.Subject("web", "bad"), 500, "{"), good("u", "a", 10, ""), good("other", "b", 20, ""),
	})
	want := noon.Add(500 * time.Second)
	h.drain([]byte(hostileCatalog), 4)
	if now := h.asOf(); !now.Equal(want) {
		t.Errorf("after a drain as_of is %s, want %s", now, want)
	}
	r := start(t, h.worker([]byte(hostileCatalog), 4))
	h.reports(3)
	if now := h.asOf(); !now.Equal(want) {
		t.Errorf("while idle as_of is %s, want %s", now, want)
	}
	h.publish([]oracle.Message{good("u", "b", 700, "")})
	h.applied(5)
	eventually(t, "as_of is that of the newest event", func() bool { return h.asOf().Equal(noon.Add(700 * time.Second)) })
	h.reports(2)
	r.mustEnd()
	nothingRuns(t)
	if now := h.asOf(); !now.Equal(noon.Add(700 * time.Second)) {
		t.Errorf("at the end as_of is %s", now)
	}
	h.equalsOracle(hostileCatalog, 4)
}

// TestAsOfAfterACrash: the newest received time is of an early message of the partition that is further ahead. A worker that died
// before it published its progress reads on behind that message, and has to know of it.
func TestAsOfAfterACrash(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	var of [2]string // a user of each partition
	for i := 0; of[0] == "" || of[1] == ""; i++ {
		user := "u" + strconv.Itoa(i)
		of[stream.Partition(event.Subject("app", user), 2)] = user
	}
	newest := 9 * 24 * time.Hour
	h.publish([]oracle.Message{
		imported(event.Subject("app", of[1]), newest.Seconds(), body(of[1], "")), good(of[0], "b", 0, ""), good(of[1], "b", 0, ""),
	})
	h.drain([]byte(hostileCatalog), 2)
	for _, sql := range []string{
		"INSERT INTO %s.checkpoints SELECT * REPLACE (2 AS applied_seq, version + 1 AS version) FROM %[1]s.checkpoints FINAL WHERE partition = 0",
		"TRUNCATE TABLE %s.progress",
	} {
		if err := h.conn.Exec(t.Context(), fmt.Sprintf(sql, "`"+h.database+"`")); err != nil {
			t.Fatal(err)
		}
	}
	h.drain([]byte(hostileCatalog), 2)
	if now := h.asOf(); !now.Equal(noon.Add(newest)) {
		t.Errorf("as_of is %s, want %s", now, noon.Add(newest))
	}
	h.equalsOracle(hostileCatalog, 2)
}
