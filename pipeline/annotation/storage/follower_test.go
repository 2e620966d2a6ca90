package storage_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap/zaptest"

	"firstlight/pipeline/annotation/storage"
	"firstlight/pipeline/stream"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/enginetest"
)

// harness is a real JetStream and a real ClickHouse database of one test.
type harness struct {
	t        *testing.T
	dir      string
	server   *server.Server
	nats     *nats.Conn
	js       jetstream.JetStream
	conn     *clickhouse.Connection
	database string
}

// migrated says that the database is there: it takes seconds, so all tests use the same.
var migrated sync.Once

func newHarness(t *testing.T) *harness {
	t.Helper()
	h := &harness{t: t, database: "of_notes"}
	h.serve(t.TempDir())
	t.Cleanup(func() { h.stop() })
	var err error
	if h.conn, err = clickhouse.Open(t.Context(), enginetest.Start(t)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.conn.Close() })
	migrated.Do(func() { err = clickhouse.Migrate(t.Context(), h.conn, h.database) })
	for _, table := range []string{"annotation_log", "annotation_position"} {
		if err == nil {
			err = h.conn.Exec(t.Context(), "TRUNCATE TABLE "+h.database+"."+table)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// serve starts a NATS server on the data in dir.
func (h *harness) serve(dir string) {
	h.t.Helper()
	s, err := stream.StartEmbedded("127.0.0.1:0", dir)
	if err != nil {
		h.t.Fatal(err)
	}
	h.dir, h.server = dir, s
	if h.nats, err = nats.Connect(s.ClientURL(), nats.Timeout(2*time.Minute)); err != nil {
		h.t.Fatal(err)
	}
	if h.js, err = jetstream.New(h.nats); err != nil {
		h.t.Fatal(err)
	}
	if _, err := stream.EnsureAnnotations(h.t.Context(), h.js); err != nil {
		h.t.Fatal(err)
	}
}

func (h *harness) stop() {
	h.nats.Close()
	h.server.Shutdown()
	h.server.WaitForShutdown()
}

func (h *harness) publish(source string, bodies ...string) {
	h.t.Helper()
	for _, body := range bodies {
		if _, err := h.js.Publish(h.t.Context(), "annotations."+source, []byte(body)); err != nil {
			h.t.Fatal(err)
		}
	}
}

func (h *harness) store() *clickhouse.Store { return clickhouse.NewStore(h.conn, h.database) }

func (h *harness) follower() *storage.Follower {
	h.t.Helper()
	dead, err := stream.EnsureDead(h.t.Context(), h.js)
	if err != nil {
		h.t.Fatal(err)
	}
	return &storage.Follower{
		JS: h.js, Dead: dead, MaxSize: int(h.nats.MaxPayload()), Store: h.store(), Log: zaptest.NewLogger(h.t), Drained: make(chan struct{}),
	}
}

// start runs a follower until end is called, which waits for it.
func (h *harness) start(f *storage.Follower) (end func()) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	end = func() {
		h.t.Helper()
		cancel()
		select {
		case err := <-done:
			if err != nil {
				h.t.Error(err)
			}
		case <-time.After(2 * time.Minute):
			h.t.Fatal("the follower did not end")
		}
		done <- nil // ending twice is harmless
	}
	h.t.Cleanup(end)
	return end
}

// drain stores all that the stream holds.
func (h *harness) drain(f *storage.Follower) {
	h.t.Helper()
	end := h.start(f)
	ctx, cancel := context.WithTimeout(h.t.Context(), 5*time.Minute)
	defer cancel()
	if err := f.WaitDrained(ctx); err != nil {
		h.t.Error(err)
	}
	if ctx.Err() != nil {
		h.t.Error("the stream was not drained in time")
	}
	end()
}

// lines returns the rows of a query, columns separated by blanks.
func (h *harness) lines(sql string) string {
	h.t.Helper()
	rows, err := h.conn.Query(h.t.Context(), strings.ReplaceAll(sql, "{db}", h.database))
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			h.t.Fatal(err)
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	return strings.Join(out, "\n")
}

const titles = "SELECT concat(source, ' ', id, ' ', title) FROM {db}.annotations ORDER BY source, id"

// shows waits until the view has these titles.
func (h *harness) shows(want ...string) {
	h.t.Helper()
	all := strings.Join(want, "\n")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(5 * time.Minute); h.lines(titles) != all; <-tick.C {
		if time.Now().After(deadline) {
			h.t.Fatalf("after a minute the view has\n%s\nwant\n%s", h.lines(titles), all)
		}
	}
}

// letters returns subject and body of every dead letter, in order.
func (h *harness) letters() (out []string) {
	h.t.Helper()
	s, err := stream.EnsureDead(h.t.Context(), h.js)
	if err != nil {
		h.t.Fatal(err)
	}
	info, err := s.Info(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	for seq := uint64(1); seq <= info.State.LastSeq; seq++ {
		m, err := s.GetMsg(h.t.Context(), seq)
		if err != nil {
			h.t.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %s %.20s", m.Subject, m.Header.Get(stream.HeaderSequence), m.Data))
	}
	return out
}

func note(id, title string) string {
	return fmt.Sprintf(`{"id":%q,"kind":"deploy","title":%q,"time":"2026-03-03T14:00:00Z"}`, id, title)
}

// TestPublishedIsShown: every field arrives in the view; what is refused is a letter with its reason; an id published
// again replaces, and can be withdrawn.
func TestPublishedIsShown(t *testing.T) {
	h := newHarness(t)
	end := h.start(h.follower())
	h.publish("growth", `{"id":"sale","kind":"expected","title":"Spring sale","time":"2026-03-01T00:00:00.125+01:00","until":"2026-03-08T00:00:00+01:00",
		"url":"https://example.com/sale","metric":"activated","text":"More sign-ups","author":"Ann"}`)
	h.publish("ci", note("7", "Release 7"), `{"kind":"deploy"}`, "{", note("8", "Release 8"), strings.Repeat(" ", 256<<10)+"{}")
	h.publish("other.ci", note("7", "not the same"))
	h.shows("ci 7 Release 7", "ci 8 Release 8", "growth sale Spring sale", "other 7 not the same")
	const fields = "SELECT concat(toString(time), '|', toString(until), '|', kind, '|', source, '|', title, '|', url, '|', metric, '|', text, '|', author, '|', id) FROM {db}.annotations WHERE id = 'sale'"
	if got := h.lines(fields); got != "2026-02-28 23:00:00.125|2026-03-07 23:00:00.000|expected|growth|Spring sale|https://example.com/sale|activated|More sign-ups|Ann|sale" {
		t.Errorf("the view has %s", got)
	}
	if got := h.lines("SELECT toString(count()) FROM {db}.annotations WHERE until IS NULL"); got != "3" {
		t.Errorf("%s annotations are moments, want 3", got)
	}

	h.publish("ci", note("7", "Release 7, rolled back"), `{"id":"8","deleted":true}`)
	h.shows("ci 7 Release 7, rolled back", "growth sale Spring sale", "other 7 not the same")
	h.publish("ci", note("8", "Release 8 after all"))
	h.shows("ci 7 Release 7, rolled back", "ci 8 Release 8 after all", "growth sale Spring sale", "other 7 not the same")
	end()

	want := []string{"dead.missing_title.annotations.ci.3 3 {\"kind\":\"deploy\"}", "dead.malformed.annotations.ci.4 4 {", "dead.too_large.annotations.ci.6 6 " + strings.Repeat(" ", 20)}
	if got := h.letters(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the letters are %q, want %q", got, want)
	}
	if got := h.lines("SELECT toString(count()) FROM {db}.checkpoints"); got != "0" {
		t.Error("annotations have an account among events")
	}
}

// TestCrashes: whatever write a crash comes before, and however often, each annotation is shown and each letter sent
// once.
func TestCrashes(t *testing.T) {
	h := newHarness(t)
	// The server forgets the ids of letters soon, so that it cannot be what keeps them from being stored twice.
	_, err := h.js.CreateStream(t.Context(), jetstream.StreamConfig{Name: stream.DeadStream, Subjects: []string{"dead.>"}, Duplicates: 100 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i := range 4 {
		h.publish("ci", note(fmt.Sprint(i), "before"), "bad", note(fmt.Sprint(i), "Release"))
		want = append(want, fmt.Sprintf("ci %d Release", i))
		for crash := range 3 {
			f := h.follower()
			writes := 0
			ctx, die := context.WithCancel(t.Context())
			failAt(f, func(string) error {
				if writes++; writes > crash {
					die()
					return errors.New("crash")
				}
				return nil
			})
			if err := f.Run(ctx); err != nil {
				t.Error(err)
			}
			die()
		}
		h.drain(h.follower()) // all three writes of the last messages
		h.shows(want...)
	}
	letters := h.letters()
	if len(letters) != 4 || letters[3] != "dead.malformed.annotations.ci.11 11 bad" {
		t.Errorf("the letters are %q", letters)
	}
	f := h.follower()
	f.Rebuild = true
	h.drain(f)
	h.shows(want...)
	if got := h.letters(); len(got) != 4 {
		t.Errorf("reading everything again made %d letters of 4", len(got))
	}
	if got := h.lines("SELECT concat(toString(applied_seq), ' ', toString(dead_seq)) FROM {db}.annotation_position FINAL"); got != "12 4" {
		t.Errorf("the position is %s, want 12 4", got)
	}
}

// TestFailuresAreRetried: a write that fails is tried again, in the same run.
func TestFailuresAreRetried(t *testing.T) {
	h := newHarness(t)
	h.publish("ci", note("1", "Release 1"), "bad")
	f := h.follower()
	var failed atomic.Int64
	failAt(f, func(write string) error {
		if write == "position" && failed.Add(1) <= 2 {
			return errors.New("not now")
		}
		return nil
	})
	h.drain(f)
	h.shows("ci 1 Release 1")
	if got := h.letters(); failed.Load() < 3 || len(got) != 1 {
		t.Errorf("%d attempts, letters %q", failed.Load(), got)
	}
}

// TestDrainOfNothing: a stream that is empty, purged, or applied is drained at once.
func TestDrainOfNothing(t *testing.T) {
	h := newHarness(t)
	h.drain(h.follower())
	h.publish("ci", note("1", "Release 1"), note("2", "Release 2"))
	h.drain(h.follower())
	h.drain(h.follower())
	h.publish("ci", note("3", "purged before it was read"))
	s, err := h.js.Stream(t.Context(), stream.AnnotationStream)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.drain(h.follower())
	h.publish("ci", note("4", "Release 4"))
	h.drain(h.follower())
	h.shows("ci 1 Release 1", "ci 2 Release 2", "ci 4 Release 4")
}

// TestRecreatedStream: a stream that is deleted and made anew, under a running follower or between two, does not freeze
// it: what is published then is shown, also for an id of before.
func TestRecreatedStream(t *testing.T) {
	h := newHarness(t)
	h.publish("ci", note("1", "of the first stream"), note("2", "stays"), note("3", "stays"))
	end := h.start(h.follower())
	h.shows("ci 1 of the first stream", "ci 2 stays", "ci 3 stays")

	h.recreate()
	h.publish("ci", note("1", "of the second stream"))
	h.shows("ci 1 of the second stream", "ci 2 stays", "ci 3 stays")
	end()

	h.recreate()
	h.publish("ci", note("1", "of the third stream"))
	h.drain(h.follower())
	h.shows("ci 1 of the third stream", "ci 2 stays", "ci 3 stays")
}

func (h *harness) recreate() {
	h.t.Helper()
	if err := h.js.DeleteStream(h.t.Context(), stream.AnnotationStream); err != nil {
		h.t.Fatal(err)
	}
	if _, err := stream.EnsureAnnotations(h.t.Context(), h.js); err != nil {
		h.t.Fatal(err)
	}
}

// failAt makes a follower ask before every write of rows, dead letters and position.
func failAt(f *storage.Follower, fault func(write string) error) {
	f.Store, f.JS = &failingStore{f.Store, fault}, &failingLetters{f.JS, fault}
}

type failingStore struct {
	storage.Store
	fault func(write string) error
}

func (s *failingStore) WriteAnnotations(ctx context.Context, streamCreated int64, rows []clickhouse.AnnotationRow) error {
	if err := s.fault("rows"); err != nil {
		return err
	}
	return s.Store.WriteAnnotations(ctx, streamCreated, rows)
}

func (s *failingStore) WriteAnnotationPosition(ctx context.Context, p clickhouse.AnnotationPosition) error {
	if err := s.fault("position"); err != nil {
		return err
	}
	return s.Store.WriteAnnotationPosition(ctx, p)
}

// failingLetters is a server that takes no messages.
type failingLetters struct {
	jetstream.JetStream
	fault func(write string) error
}

func (l *failingLetters) PublishMsgAsync(m *nats.Msg, options ...jetstream.PublishOpt) (jetstream.PubAckFuture, error) {
	if err := l.fault("dead letters"); err != nil {
		return nil, err
	}
	return l.JetStream.PublishMsgAsync(m, options...)
}
