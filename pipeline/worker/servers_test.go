package worker_test

// Servers that go away, come back, or are not those of before; and several workers at once.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/event"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/enginetest"
	"firstlight/sinks/clickhouse/migratedtest"
)

// traffic is n messages of a few users, one in ten of them dead, received from an offset in seconds on.
func traffic(n int, from float64) []oracle.Message {
	names := []string{"signed_up", "a", "b", "b", "c"}
	var out []oracle.Message
	for i := range n {
		user := fmt.Sprint("user ", i%37)
		if i%10 == 7 {
			out = append(out, imported(event.Subject("web", user), from+float64(i), "{"))
			continue
		}
		out = append(out, good(user, names[i%len(names)], from+float64(i), fmt.Sprintf(`"n":%d,"plan":"plan %d"`, i%5, i%3)))
	}
	return out
}

// eventually waits until is holds. It asks a quarter of the time at most: a question may cost the engine more than what is waited for.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for began := time.Now(); ; {
		asked := time.Now()
		if is() {
			return
		}
		if time.Since(began) > 5*time.Minute {
			t.Fatal("waited five minutes until " + what)
		}
		<-time.After(max(20*time.Millisecond, 3*time.Since(asked)))
	}
}

// running is a worker at work.
type running struct {
	t    testing.TB
	stop context.CancelFunc
	done chan error
}

func start(t testing.TB, w *worker.Worker) *running {
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{t: t, stop: cancel, done: make(chan error, 1)}
	go func() { r.done <- w.Run(ctx) }()
	t.Cleanup(cancel)
	return r
}

// end stops the worker and returns what Run returned.
func (r *running) end() error {
	r.t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		return err
	case <-time.After(2 * time.Minute):
		r.t.Fatal("the worker did not end")
		return nil
	}
}

func (r *running) mustEnd() {
	r.t.Helper()
	if err := r.end(); err != nil {
		r.t.Fatal(err)
	}
}

// nothingRuns waits until no goroutine of a worker is left.
func nothingRuns(t testing.TB) {
	t.Helper()
	stacks := make([]byte, 4<<20)
	eventually(t, "the worker's goroutines ended", func() bool {
		all := string(stacks[:runtime.Stack(stacks, true)])
		return !strings.Contains(all, "worker.(*Worker)") && !strings.Contains(all, "worker.(*life)") && !strings.Contains(all, "stream.(*Reader)")
	})
}

// progressed is a sum over the rows that pipeline_progress shows: whoever waits asks often, and the view itself costs the engine
// many times as much.
func (h *harness) progressed(column string) uint64 {
	h.t.Helper()
	table := "checkpoints"
	if column == "lag" {
		table = "progress"
	}
	rows, err := h.query("SELECT sum(" + column + ") AS n FROM `" + h.database + "`." + table + " FINAL WHERE generation = (SELECT max(generation) FROM `" + h.database + "`.generations)")
	if err != nil {
		h.t.Fatal(err)
	}
	return rows[0]["n"].(uint64)
}

// applied waits until all partitions have stored n messages.
func (h *harness) applied(n int) {
	h.t.Helper()
	eventually(h.t, fmt.Sprint(n, " messages are applied"), func() bool { return h.progressed("received") >= uint64(n) })
}

// proxy stands between a worker and ClickHouse, and can cut the line.
type proxy struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	away     bool
	open     map[net.Conn]struct{}
}

func newProxy(t *testing.T, target string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, open: map[net.Conn]struct{}{}}
	go p.serve()
	t.Cleanup(func() { l.Close(); p.set(true) })
	return p
}

func (p *proxy) serve() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("tcp", p.target)
		if err != nil || !p.admit(c, to) {
			c.Close()
			continue
		}
		go func() { _, _ = io.Copy(to, c); to.Close(); c.Close() }()
		go func() { _, _ = io.Copy(c, to); c.Close(); to.Close() }()
	}
}

func (p *proxy) admit(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		if p.away {
			c.Close()
		} else {
			p.open[c] = struct{}{}
		}
	}
	return !p.away
}

// set cuts every connection and refuses new ones, or lets them through again.
func (p *proxy) set(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
	for c := range p.open {
		if away {
			c.Close()
			delete(p.open, c)
		}
	}
}

// TestClickHouseAway: while ClickHouse is away consumption stops and memory is bounded; the worker can be stopped;
// when ClickHouse is back the numbers are as if it never was.
func TestClickHouseAway(t *testing.T) {
	const events, partitions = 20_000, 2
	h := newHarness(t)
	h.publish(traffic(events, 0))
	engine, err := url.Parse(enginetest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	p := newProxy(t, engine.Host)
	engine.Host = p.listener.Addr().String()
	conn, err := clickhouse.Open(t.Context(), engine.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()

	w := h.worker([]byte(hostileCatalog), partitions)
	w.Store = clickhouse.NewStore(conn, h.database)
	w.SmallSnapshots()
	var flushes atomic.Int64
	w.Flushed = func(time.Duration) { flushes.Add(1) }
	r := start(t, w)
	eventually(t, "a few snapshots are stored", func() bool { return flushes.Load() >= 4 })

	p.set(true)
	before, since := uint64(0), time.Now()
	eventually(t, "consumption has stopped for two seconds", func() bool {
		if now := w.Dealt(); now != before {
			before, since = now, time.Now()
		}
		return time.Since(since) > 2*time.Second
	})
	// What is held: the queue of each partition, and twice the few messages of a small snapshot.
	applied := h.progressed("received")
	if held := before - applied; held > partitions*(4096+3*7) {
		t.Errorf("%d messages are held while ClickHouse is away", held)
	}
	if before >= events {
		t.Errorf("all %d messages were taken while ClickHouse was away", before)
	}

	p.set(false)
	back := flushes.Load()
	eventually(t, "snapshots are stored again", func() bool { return flushes.Load() > back })
	eventually(t, "lag is visible", func() bool { return h.progressed("lag") > events/4 })

	p.set(true)
	if err := r.end(); err == nil {
		t.Error("a worker that could not store what it had applied ended without an error")
	}
	nothingRuns(t)

	p.set(false)
	h.drain([]byte(hostileCatalog), partitions)
	h.equalsOracle(hostileCatalog, partitions)
}

// place is where a NATS server can be started again, on the same port and with the same data.
type place struct {
	t            *testing.T
	address, dir string
	server       *server.Server
}

func newPlace(t *testing.T) *place {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &place{t: t, address: l.Addr().String(), dir: t.TempDir()}
	l.Close()
	p.start()
	t.Cleanup(p.stop)
	return p
}

func (p *place) start() {
	p.t.Helper()
	s, err := stream.StartEmbedded(p.address, p.dir)
	if err != nil {
		p.t.Fatal(err)
	}
	p.server = s
}

func (p *place) stop() {
	p.server.Shutdown()
	p.server.WaitForShutdown()
}

// reconnected waits until the client talks to the server that runs now: it may not have noticed yet that the
// one before has ended.
func (p *place) reconnected(c *nats.Conn) {
	p.t.Helper()
	eventually(p.t, "the client is connected again", func() bool {
		return c.ConnectedServerId() == p.server.ID() && c.FlushTimeout(time.Second) == nil
	})
}

func (p *place) harness() *harness {
	p.t.Helper()
	h := &harness{t: p.t}
	var err error
	if h.nats, err = nats.Connect(p.server.ClientURL(), nats.Timeout(2*time.Minute), nats.MaxReconnects(-1), nats.ReconnectWait(50*time.Millisecond)); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(h.nats.Close)
	if h.js, err = jetstream.New(h.nats); err != nil {
		p.t.Fatal(err)
	}
	h.conn, h.database = migratedtest.Database(p.t)
	return h
}

// TestNATSRestarts: a server that restarts under a running worker costs time, and no number.
func TestNATSRestarts(t *testing.T) {
	p := newPlace(t)
	h := p.harness()
	h.publish(traffic(2000, 0))
	r := start(t, h.worker([]byte(hostileCatalog), 2))
	h.applied(500)
	for i := range 2 {
		p.stop()
		p.start()
		p.reconnected(h.nats)
		h.publish(traffic(1000, float64(2000+1000*i)))
	}
	h.applied(4000)
	r.mustEnd()
	nothingRuns(t)
	h.equalsOracle(hostileCatalog, 2)
}

// TestRolledBackStream: a stream that ends before what was applied is refused; a rebuild takes it as it is.
func TestRolledBackStream(t *testing.T) {
	onlyInFull(t)
	p := newPlace(t)
	h := p.harness()
	h.publish(traffic(100, 0))
	p.stop()
	backup := filepath.Join(t.TempDir(), "backup")
	if err := os.CopyFS(backup, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	p.start()
	p.reconnected(h.nats)
	h.publish(traffic(100, 100))
	h.drain([]byte(hostileCatalog), 2)

	p.stop()
	p.dir = backup
	p.start()
	p.reconnected(h.nats)
	h.refused(h.run(hostileCatalog, 2, func(*worker.Worker) {}), "EVENTS", "100", "200", "--rebuild")
	if err := h.run(hostileCatalog, 2, rebuild); err != nil {
		t.Fatal(err)
	}
	h.equalsOracle(hostileCatalog, 2)
}

// refused checks for a refusal of one line that names some words.
func (h *harness) refused(err error, words ...string) {
	h.t.Helper()
	var refusal *worker.Refusal
	if !errors.As(err, &refusal) {
		h.t.Fatalf("the worker ended with %v, want a refusal", err)
	}
	if strings.Contains(err.Error(), "\n") {
		h.t.Errorf("the refusal has several lines: %s", err)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			h.t.Errorf("the refusal does not say %s: %s", word, err)
		}
	}
}

// TestRefusals: stored numbers of another stream, partition count or definition are not continued; a rebuild
// starts anew, and sends no letter twice. Governance is no definition.
func TestRefusals(t *testing.T) {
	onlyInFull(t)
	h := newHarness(t)
	asIs := func(*worker.Worker) {}
	h.publish(traffic(200, 0))
	h.drain([]byte(hostileCatalog), 2)
	first := h.view("metric_catalog")

	h.refused(h.run(hostileCatalog, 3, asIs), "FIRSTLIGHT_PARTITIONS", "3", "2", "--rebuild")
	if err := h.run(hostileCatalog, 3, func(w *worker.Worker) { w.AsStored = true }); err != nil {
		t.Fatal(err)
	}
	h.equalsOracle(hostileCatalog, 2)

	governance := strings.Replace(hostileCatalog, "owner: o", "owner: the growth team", 1)
	if err := h.run(governance, 2, asIs); err != nil {
		t.Fatal(err)
	}
	for i, row := range h.view("metric_catalog") {
		if row["owner"] != "the growth team" {
			t.Errorf("the owner of %s is %v", row["metric"], row["owner"])
		}
		if row["definition_hash"] != first[i]["definition_hash"] || row["active_since"] != first[i]["active_since"] {
			t.Errorf("another owner changed the definition of %s", row["metric"])
		}
	}
	h.equalsOracle(governance, 2)

	changed := strings.Replace(hostileCatalog, "allowed_lateness: 24h", "allowed_lateness: 30h", 1)
	changed = strings.Replace(changed, "value: {event: b}", "value: {event: c}", 1)
	h.refused(h.run(changed, 2, asIs), "allowed_lateness", "first_value", "value", "--rebuild")
	h.equalsOracle(hostileCatalog, 2)
	if err := h.run(changed, 2, rebuild); err != nil {
		t.Fatal(err)
	}
	h.equalsOracle(changed, 2)
	if err := h.run(changed, 3, rebuild); err != nil {
		t.Fatal(err)
	}
	h.equalsOracle(changed, 3)

	for _, name := range []string{"EVENTS", stream.DeadStream} {
		if err := h.js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	h.publish(traffic(300, 0))
	h.refused(h.run(changed, 3, asIs), "EVENTS", "created", "--rebuild")
	if err := h.run(changed, 3, rebuild); err != nil {
		t.Fatal(err)
	}
	h.equalsOracle(changed, 3)
}

// TestTwoWorkers: two workers on the same stream and database, one of them with tiny snapshots and stopped half
// way, end in the same numbers, each letter sent once.
func TestTwoWorkers(t *testing.T) {
	h := newHarness(t)
	h.publish(traffic(300, 0))
	first, second := h.worker([]byte(hostileCatalog), 3), h.worker([]byte(hostileCatalog), 3)
	second.SmallSnapshots()
	a := start(t, first)
	h.applied(100)
	b := start(t, second)
	h.publish(traffic(1000, 300))
	h.applied(900)
	a.mustEnd()
	h.publish(traffic(200, 1300))
	h.applied(1500)
	c := start(t, h.worker([]byte(hostileCatalog), 3))
	h.publish(traffic(100, 1500))
	h.applied(1600)
	b.mustEnd()
	c.mustEnd()
	nothingRuns(t)
	h.equalsOracle(hostileCatalog, 3)
}
