package collect

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/tidwall/gjson"
)

// batch is a request of so many events of one user, in whose ids their order is.
func batch(user string, events int) string {
	var b strings.Builder
	b.WriteString(`{"batch":[`)
	for i := range events {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"type":"track","event":"e","userId":%q,"messageId":"%s-%03d","properties":{"n":%d}}`, user, user, i, i)
	}
	b.WriteString(`]}`)
	return b.String()
}

// try sends a request once; it may fail in any way.
func (b *bench) try(body string) (code int, retryAfter string) {
	r, err := http.NewRequestWithContext(b.ctx, http.MethodPost, b.http.URL+"/v1/batch", strings.NewReader(body))
	if err != nil {
		return 0, ""
	}
	r.Header.Set("Authorization", "Bearer "+serverKey)
	resp, err := b.http.Client().Do(r)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body) // so that the connection is used again
	return resp.StatusCode, resp.Header.Get("Retry-After")
}

// checkOnceAndInOrder reads the stream: every id once, each user's events in the order of his requests. It returns how many there are
// of each user.
func checkOnceAndInOrder(t *testing.T, all []message) map[string]int {
	t.Helper()
	next := map[string]int{}
	for _, m := range all {
		user, n := gjson.Get(m.data, "userId").String(), int(gjson.Get(m.data, "properties.n").Int())
		if n != next[user] {
			t.Fatalf("of %s event %d stands where %d should: %d messages", user, n, next[user], len(all))
		}
		next[user]++
	}
	return next
}

// TestOrder: the events of one user in one request stay in their order, whatever else comes at the same time.
func TestOrder(t *testing.T) {
	b := newBench(t, testKeys, nil)
	var group sync.WaitGroup
	for i := range 40 {
		group.Go(func() {
			if code, _ := b.try(batch(fmt.Sprint("u", i), 100)); code != 200 {
				t.Errorf("answers %d", code)
			}
		})
	}
	group.Wait()
	for user, n := range checkOnceAndInOrder(t, b.stored()) {
		if n != 100 {
			t.Errorf("%s has %d events", user, n)
		}
	}
}

// TestJetStreamAway: while the server is away requests are answered 503 and 429 and told to come again; what was answered 200 is there,
// once and in order, however often it was sent.
func TestJetStreamAway(t *testing.T) {
	b := newBench(t, testKeys, nil)
	const users, events = 60, 50
	var away, answered atomic.Int64
	var group sync.WaitGroup
	turn := make(chan struct{}, 16)
	for i := range users {
		group.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			body := batch(fmt.Sprint("u", i), events)
			for b.ctx.Err() == nil {
				code, retry := b.try(body)
				switch {
				case code == 200:
					answered.Add(1)
					return
				case code != 503 && code != 429 || retry == "":
					t.Errorf("answers %d, Retry-After %q", code, retry)
					return
				case code == 503:
					away.Add(1)
				}
				runtime.Gosched()
			}
		})
	}
	for round := range 3 {
		b.eventually("some requests are stored", func() bool { return answered.Load() >= int64(1+round*users/6) })
		before := away.Load()
		b.restart(func() {
			b.eventually("requests are refused", func() bool { return away.Load() > before })
		})
	}
	group.Wait()
	b.eventually("the test is connected again", b.nc.IsConnected)
	all := checkOnceAndInOrder(t, b.stored())
	if int(answered.Load()) != users || len(all) != users {
		t.Fatalf("%d requests were answered 200, the stream has events of %d users", answered.Load(), len(all))
	}
	for user, n := range all {
		if n != events {
			t.Errorf("%s has %d events", user, n)
		}
	}
	if n, m := b.sender.Pending.Load(), b.collector.inFlight.Load(); n != 0 || m != 0 {
		t.Errorf("%d events and %d bytes are in flight after all", n, m)
	}
}

// restart stops the NATS server, and starts it again with what it has stored.
func (b *bench) restart(meanwhile func()) {
	b.t.Helper()
	port := b.nats.Addr().(*net.TCPAddr).Port
	b.nats.Shutdown()
	b.nats.WaitForShutdown()
	meanwhile()
	b.nats = startNATS(b.t, b.dir, port)
}

// TestJetStreamHangs: what is not acknowledged is not answered 200, and no more than the window waits.
func TestJetStreamHangs(t *testing.T) {
	b := newBench(t, testKeys, nil)
	b.sender.wait = time.Second / 4
	if err := b.js.DeleteStream(b.ctx, "EVENTS"); err != nil {
		t.Fatal(err)
	}
	if code, retry := b.try(batch("u", 1)); code != 503 || retry == "" {
		t.Errorf("no stream: %d, Retry-After %q", code, retry)
	}
	deaf, err := nats.Connect(b.nats.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	defer deaf.Close()
	if _, err := deaf.SubscribeSync("events.>"); err != nil {
		t.Fatal(err)
	}
	if err := deaf.Flush(); err != nil {
		t.Fatal(err)
	}
	if code, retry := b.try(batch("u", 10)); code != 503 || retry == "" {
		t.Errorf("nobody acknowledges: %d, Retry-After %q", code, retry)
	}
	b.sender.wait = enough
	ctx, giveUp := context.WithCancel(b.ctx)
	hung := make(chan Outcome)
	many := make([]Event, maxPending)
	for i := range many {
		many[i].Subject = "events.web.x"
	}
	go func() { hung <- b.sender.Send(ctx, many) }()
	b.eventually("as many events wait as may", func() bool { return b.sender.Pending.Load() == maxPending })
	if code, retry := b.try(batch("u", 1)); code != 429 || retry == "" {
		t.Errorf("too much in flight: %d, Retry-After %q", code, retry)
	}
	giveUp()
	if out := <-hung; out.Failed == nil || out.Stored != 0 {
		t.Errorf("what nobody acknowledged: %+v", out)
	}
}

// TestRefusedByTheStream: an event that the stream alone does not take is named; a stream that is full takes nothing.
func TestRefusedByTheStream(t *testing.T) {
	b := newBench(t, testKeys, nil)
	limit := func(change func(*jetstream.StreamConfig)) {
		s, err := b.js.Stream(b.ctx, "EVENTS")
		if err != nil {
			t.Fatal(err)
		}
		c := s.CachedInfo().Config
		change(&c)
		if _, err := b.js.UpdateStream(b.ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	limit(func(c *jetstream.StreamConfig) { c.MaxMsgSize = 300 })
	got := b.post("/v1/batch", `{"batch":[{"event":"a","userId":"u"},{"event":"b","userId":"u","properties":{"x":"`+strings.Repeat("x", 300)+`"}},{"event":"c","userId":"u"}]}`)
	if got.code != 200 || got.Stored != 2 || len(got.Refused) != 1 || got.Refused[0].Index != 1 || got.Refused[0].Reason != NotStored {
		t.Errorf("answers %d %s", got.code, got.text)
	}
	limit(func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = 2, jetstream.DiscardNew })
	got = b.post("/v1/track", `{"event":"a","userId":"u"}`)
	if got.code != 503 || got.header.Get("Retry-After") == "" || len(b.stored()) != 2 {
		t.Errorf("a full stream: %d %s", got.code, got.text)
	}
}
