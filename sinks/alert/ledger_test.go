package alert_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"

	"firstlight/pipeline/anomaly"
	"firstlight/pipeline/stream"
	"firstlight/sinks/alert"
)

// remembered returns how many entries the ledger has, and how many messages its stream holds.
func remembered(t *testing.T, js jetstream.JetStream) (entries int, stored uint64) {
	t.Helper()
	kv, err := js.KeyValue(t.Context(), alert.Bucket)
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the ledger is listed", func() (all bool) {
		entries, all = listed(t, kv)
		return all
	})
	status, err := kv.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return entries, status.Values()
}

// listed counts the keys of a bucket. Where one goes while they are listed the client waits for it for ever: then these are not all.
func listed(t *testing.T, kv jetstream.KeyValue) (n int, all bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	keys, err := kv.ListKeys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for range keys.Keys() {
		n++
	}
	return n, ctx.Err() == nil
}

// TestLedgerForgets: incidents that were over 30 days ago, and no others.
func TestLedgerForgets(t *testing.T) {
	js, clock := connect(t), fakeClock()
	cfg := config()
	cfg.Clock = clock
	l := begin(t, cfg, js)
	l.deliver(message("old", 1, anomaly.Opened, anomaly.Warning), message("old", 2, anomaly.Resolved, anomaly.Warning), message("open", 1, anomaly.Opened, anomaly.Warning))
	clock.Advance(29 * 24 * time.Hour)
	l.deliver(message("new", 1, anomaly.Opened, anomaly.Warning), message("new", 2, anomaly.Resolved, anomaly.Warning))
	if n, _ := remembered(t, js); n != 3 {
		t.Errorf("%d incidents are remembered after 29 days, want 3", n)
	}
	until(t, "one is forgotten", func() bool {
		passDay(t, clock)
		n, _ := remembered(t, js)
		return n == 2
	})
	until(t, "nothing of it is left", func() bool { n, stored := remembered(t, js); return n == 2 && stored == 2 })
	if n := len(published(t, js)); n != 5 {
		t.Errorf("%d messages on the stream, want 5", n)
	}
}

// passDay moves the clock on by a day once the only courier waits for it: days that it sleeps through would end what is kept, too.
func passDay(t *testing.T, clock *clockwork.FakeClock) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := clock.BlockUntilContext(ctx, 1); err != nil {
		t.Fatalf("the courier does not wait for the clock: %v", err)
	}
	clock.Advance(24 * time.Hour)
}

// TestMadeAgain: a stream of messages or a ledger that is deleted under a running courier is made again, and forgets nothing that
// the courier knows.
func TestMadeAgain(t *testing.T) {
	js := connect(t)
	pager := record(t, 202, nil)
	l := begin(t, withPager(pager), js)
	l.deliver(message("a", 1, anomaly.Opened, anomaly.Critical))
	if err := js.DeleteStream(t.Context(), stream.AnomalyStream); err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteKeyValue(t.Context(), alert.Bucket); err != nil {
		t.Fatal(err)
	}
	l.deliver(message("b", 1, anomaly.Opened, anomaly.Critical))
	if got := fmt.Sprint(published(t, js)); got != "[anomalies.critical.activated b-1]" {
		t.Errorf("the stream holds %s", got)
	}
	if n, _ := remembered(t, js); n != 4 {
		t.Errorf("%d entries are in the ledger, want two of each of the two destinations", n)
	}
	l.stop()
	begin(t, withPager(pager), js).deliver(message("a", 1, anomaly.Opened, anomaly.Critical))
	if n := len(pager.seen()); n != 2 {
		t.Errorf("%d pages, want two", n)
	}
}

// TestOutageInTheLog: a destination that is away for long is one line when it begins and one when it is over.
func TestOutageInTheLog(t *testing.T) {
	js := connect(t)
	var away atomic.Bool
	away.Store(true)
	pager := record(t, 0, func(_ int, w http.ResponseWriter) {
		if away.Load() {
			w.WriteHeader(503)
			return
		}
		w.WriteHeader(202)
	})
	l := begin(t, withPager(pager), js)
	l.Tell([]anomaly.Message{message("a", 1, anomaly.Opened, anomaly.Critical)})
	until(t, "it was tried often", func() bool { return len(pager.seen()) >= 5 })
	away.Store(false)
	l.deliver(message("a", 1, anomaly.Opened, anomaly.Critical))
	var lines []string
	for _, e := range l.log.FilterLevelExact(zap.WarnLevel).All() {
		lines = append(lines, e.Message)
	}
	if got := fmt.Sprint(lines); got != "[pagerduty fails, trying again]" {
		t.Errorf("the log has %s", got)
	}
	until(t, "the log says that it works", func() bool { return l.log.FilterMessage("pagerduty works again").Len() == 1 })
}

// TestPagesWithoutJetStream: that JetStream is away, which stops the pipeline, stops no page; what the ledger missed is
// in it once JetStream is back.
func TestPagesWithoutJetStream(t *testing.T) {
	dir := t.TempDir()
	s, err := stream.StartEmbedded("127.0.0.1:0", dir)
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(s.ClientURL(), "nats://")
	conn, err := nats.Connect(s.ClientURL(), nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	pager := record(t, 202, nil)
	l := begin(t, withPager(pager), js, func(a *alert.Alerts) { a.WriteWithin(200 * time.Millisecond) })
	s.Shutdown()
	s.WaitForShutdown()
	m := message("a", 1, anomaly.Opened, anomaly.Critical)
	m.Reason = anomaly.Stalled
	l.Tell([]anomaly.Message{m})
	until(t, "somebody is paged", func() bool { return len(pager.seen()) == 1 })
	if l.idle() {
		t.Error("the stream cannot have the message")
	}
	if s, err = stream.StartEmbedded(address, dir); err != nil {
		t.Fatal(err)
	}
	defer func() { s.Shutdown(); s.WaitForShutdown() }()
	l.deliver(m)
	l.stop()
	begin(t, withPager(pager), js).deliver(m)
	if n := len(pager.seen()); n != 1 {
		t.Errorf("%d pages, want one", n)
	}
	if got := fmt.Sprint(published(t, js)); got != "[anomalies.critical.activated a-1]" {
		t.Errorf("the stream holds %s", got)
	}
}

// TestTimeouts: a server that takes a message and does not answer is asked again; that it may have the message is not
// forgotten, so the end of the incident is sent.
func TestTimeouts(t *testing.T) {
	release := make(chan struct{})
	pager := record(t, 0, func(n int, w http.ResponseWriter) {
		if n == 1 {
			<-release
		}
		w.WriteHeader(202)
	})
	defer close(release)
	js := connect(t)
	l := begin(t, withPager(pager), js, func(a *alert.Alerts) { a.AnswerWithin(100 * time.Millisecond); a.RetryAfter(time.Hour) })
	l.Tell([]anomaly.Message{message("a", 1, anomaly.Opened, anomaly.Critical)})
	tried := func() []observer.LoggedEntry { return l.log.FilterMessage("tried again later").All() }
	until(t, "it was tried", func() bool { return len(tried()) > 0 })
	l.stop()
	if said := fmt.Sprint(tried()[0].ContextMap()); !strings.Contains(said, "no answer within 100ms") {
		t.Errorf("the log says %s", said)
	}
	begin(t, withPager(pager), js).deliver(message("a", 1, anomaly.Opened, anomaly.Critical), message("a", 2, anomaly.Resolved, anomaly.Critical))
	if got := fmt.Sprint(pages(t, pager)); got != "[trigger a resolve a]" {
		t.Errorf("it was sent %s", got)
	}
}

func TestKeysTakeAnyText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a.b", "=", "=2e", "firstlight/EVENTS", "ü*>"})).Draw(t, "text")
		key := alert.KeyToken(text)
		if key == "" || strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=") != "" || alert.KeyText(key) != text {
			t.Errorf("%q becomes %q and then %q", text, key, alert.KeyText(key))
		}
	})
}
