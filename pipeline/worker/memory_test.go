package worker_test

// The laws of the property tests with a store in memory, which is so quick that thousands of cases can be drawn.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/scenario"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/stream/streamtest"
	"firstlight/pipeline/worker"
	"firstlight/pipeline/worker/faulty"
	"firstlight/pipeline/worker/memstore"
)

// bench is a real JetStream of its own, and a store in memory: what a case needs.
type bench struct {
	*harness
	store *memstore.Store
}

func newBench(t testing.TB) *bench {
	t.Helper()
	h := &harness{t: t}
	h.nats, h.js = streamtest.Connect(t)
	return &bench{harness: h}
}

// begin empties the streams and the store, and stores messages in a new stream.
func (b *bench) begin(messages []oracle.Message) {
	b.t.Helper()
	b.store = &memstore.Store{Forget: forgetting(messages)}
	for name, subject := range map[string]string{"EVENTS": "events.>", stream.DeadStream: "dead.>"} {
		if err := b.js.DeleteStream(b.t.Context(), name); err != nil && !errors.Is(err, jetstream.ErrStreamNotFound) {
			b.t.Fatal(err)
		}
		config := jetstream.StreamConfig{Name: name, Subjects: []string{subject}, Storage: jetstream.MemoryStorage, AllowDirect: true}
		if _, err := b.js.CreateStream(b.t.Context(), config); err != nil {
			b.t.Fatal(err)
		}
	}
	b.publish(messages)
}

// forgetting are the sequences of the messages that have users forgotten, by token, in a new stream.
func forgetting(messages []oracle.Message) map[string][]uint64 {
	all := map[string][]uint64{}
	for i, m := range messages {
		header := map[string][]string{}
		for name, value := range m.Header {
			header[name] = []string{value}
		}
		if token, ok := event.Forgets(&event.Message{Subject: m.Subject, Header: header, Data: m.Data}); ok {
			all[token] = append(all[token], uint64(i)+1)
		}
	}
	return all
}

// worker returns a worker over the bench that drains the stream.
func (b *bench) worker(c *catalog.Catalog, o options) *worker.Worker {
	b.t.Helper()
	events, err := b.js.Stream(b.t.Context(), "EVENTS")
	if err != nil {
		b.t.Fatal(err)
	}
	dead, err := b.js.Stream(b.t.Context(), stream.DeadStream)
	if err != nil {
		b.t.Fatal(err)
	}
	w := &worker.Worker{
		Catalog: c, Partitions: o.partitions, FlushInterval: o.flushInterval, Events: events, Drain: true,
		Dead:  &stream.DeadLetters{JS: b.js, Stream: dead, Source: "EVENTS", MaxSize: int(b.nats.MaxPayload())},
		Store: b.store, Log: zap.NewNop(),
	}
	w.Limit(o.messages, o.users, o.cells, o.letters)
	w.KeepTo(o.memory, o.digits)
	w.UniteAtOnce(o.page)
	return w
}

// options are what may differ between workers and must not change a number.
type options struct {
	partitions            int
	flushInterval         time.Duration
	messages              uint64
	users, cells, letters int
	memory, digits        int // of all partitions, and of tokens; see worker.KeepTo
	page                  int // users united at once
}

func drawOptions(t *rapid.T, partitions int) options {
	memory, digits := drawMemory(t, partitions)
	return options{
		memory: memory, digits: digits,
		partitions:    partitions,
		flushInterval: rapid.SampledFrom([]time.Duration{time.Millisecond, 5 * time.Millisecond, 50 * time.Millisecond}).Draw(t, "flush interval"),
		messages:      rapid.SampledFrom([]uint64{1, 7, 30, 1000}).Draw(t, "messages of a snapshot"),
		users:         rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "users of a snapshot"),
		cells:         rapid.SampledFrom([]int{1, 50, 10_000}).Draw(t, "cells of a snapshot"),
		letters:       rapid.SampledFrom([]int{1, 4, 1000}).Draw(t, "letters of a snapshot"),
		page:          rapid.SampledFrom([]int{1, 2, 1000}).Draw(t, "users united at once"),
	}
}

// shards is how many cases run at a time: most of the time each waits, for a mark of the reader or a flush.
const shards = 16

// many draws n cases of a property, several at a time: a tenth of them where partitions are checked at every flush, which costs several
// times as much, and few for the race detector, to which all cases are alike.
func many(t *testing.T, n int, property func(*rapid.T, *bench)) {
	switch {
	case testing.Short():
		n = shards
	case worker.Checked:
		n /= 10
	}
	defer draws((n + shards - 1) / shards)()
	var all sync.WaitGroup
	for i := range shards {
		all.Go(func() {
			t.Run(fmt.Sprint("shard ", i), func(t *testing.T) {
				b := newBench(t)
				rapid.Check(t, func(rt *rapid.T) { property(rt, b) })
			})
		})
	}
	all.Wait()
}

// draws has a law be tried with so many cases, unless the command line says with how many, until restore is called.
func draws(n int) (restore func()) {
	checks := flag.Lookup("rapid.checks")
	before := checks.Value.String()
	if before == fewChecks {
		if testing.Short() {
			n *= 5 // of which rapid takes a fifth
		}
		_ = checks.Value.Set(strconv.Itoa(n)) // a number is no error
	}
	return func() { _ = checks.Value.Set(before) }
}

// TestPipelineEqualsOracleInMemory: for random catalogs, streams and options every count behind the views equals that of the oracle.
func TestPipelineEqualsOracleInMemory(t *testing.T) {
	var late, cameBack, all atomic.Int64
	many(t, 2000, func(rt *rapid.T, b *bench) {
		yaml, messages := drawCatalog(rt), drawStream(rt, 50, 70)
		o := drawOptions(rt, rapid.IntRange(1, 6).Draw(rt, "partitions"))
		b.begin(messages)
		if b.drainIn(rt, yaml, o).Observe().Returned.Users > 0 {
			cameBack.Add(1)
		}
		dead := b.compareCounts(rt, yaml, messages, o.partitions)
		all.Add(1)
		if dead["late"] > 0 {
			late.Add(1)
		}
	})
	t.Logf("%d cases, %d with late events, %d with users who came back", all.Load(), late.Load(), cameBack.Load())
	if all.Load() >= 1000 && late.Load() < all.Load()/2 {
		t.Errorf("only %d of %d cases have late events", late.Load(), all.Load())
	}
	if all.Load() >= 1000 && cameBack.Load() < all.Load()/4 {
		t.Errorf("users come back in only %d of %d cases", cameBack.Load(), all.Load())
	}
}

// drainIn has a worker process everything the stream holds, and returns it.
func (b *bench) drainIn(rt *rapid.T, yaml string, o options) *worker.Worker {
	c, problems := catalog.Load([]byte(yaml), kind.All)
	if problems.Failed() {
		rt.Fatal(problems.Format("catalog.yaml"))
	}
	ctx, cancel := context.WithTimeout(b.t.Context(), 5*time.Minute)
	defer cancel()
	w := b.worker(c, o)
	if err := w.Run(ctx); err != nil {
		rt.Fatal(err)
	}
	return w
}

// TestCrashesChangeNothingInMemory: workers that die before, in the middle of or after any write, one after the other and each with
// other options, leave the counts of the oracle to the last one, and each dead letter once.
func TestCrashesChangeNothingInMemory(t *testing.T) {
	many(t, 1000, func(rt *rapid.T, b *bench) {
		yaml, messages := drawCatalog(rt), drawStream(rt, 50, 70)
		partitions := rapid.IntRange(1, 4).Draw(rt, "partitions")
		b.begin(messages)
		c, problems := catalog.Load([]byte(yaml), kind.All)
		if problems.Failed() {
			rt.Fatal(problems.Format("catalog.yaml"))
		}
		for range rapid.IntRange(1, 3).Draw(rt, "crashes") {
			w := b.worker(c, drawOptions(rt, partitions))
			at := rapid.SampledFrom([]faulty.Moment{faulty.Before, faulty.During, faulty.After}).Draw(rt, "moment")
			faulty.Inject(w, faulty.Crash(rapid.IntRange(0, 60).Draw(rt, "write"), at, errCrash))
			if err := w.Run(b.t.Context()); err != nil && !errors.Is(err, errCrash) {
				rt.Fatal(err)
			}
		}
		b.drainIn(rt, yaml, drawOptions(rt, partitions))
		b.compareCounts(rt, yaml, messages, partitions)
	})
}

// TestPartitionsComeAndGo: partitions that stop and start while events flow, each by itself and in any order, end in the counts of the
// oracle.
func TestPartitionsComeAndGo(t *testing.T) {
	many(t, 100, func(rt *rapid.T, b *bench) {
		yaml, messages := drawCatalog(rt), drawStream(rt, 50, 70)
		o := drawOptions(rt, rapid.IntRange(1, 5).Draw(rt, "partitions"))
		c, problems := catalog.Load([]byte(yaml), kind.All)
		if problems.Failed() {
			rt.Fatal(problems.Format("catalog.yaml"))
		}
		b.begin(nil)
		b.store.Forget = forgetting(messages)
		w := b.worker(c, o)
		w.Drain = false
		r := start(b.t, w)
		eventually(b.t, "the worker runs", func() bool { return w.Observe().Recovered })
		idle := map[uint16]bool{}
		for _, m := range messages {
			b.publish([]oracle.Message{m})
			id := rapid.Uint16Range(0, uint16(o.partitions-1)).Draw(rt, "partition")
			switch rapid.IntRange(0, 5).Draw(rt, "what happens") {
			case 0:
				w.StopPartition(id)
				idle[id] = true
			case 1:
				b.wake(rt, w, idle, id)
			}
			if want := map[bool]string{true: "idle", false: "running"}[idle[id]]; w.StateOf(id) != want {
				rt.Fatalf("partition %d is %s, want %s", id, w.StateOf(id), want)
			}
		}
		for id := range uint16(o.partitions) {
			b.wake(rt, w, idle, id)
		}
		want := asOf(messages).UnixMilli()
		eventually(b.t, "everything is stored", func() bool {
			select {
			case err := <-r.done:
				b.t.Fatal("the worker ended by itself: ", err)
			default:
			}
			checkpoints, err := b.store.InForce().Checkpoints(b.t.Context())
			asOf, e := b.store.InForce().AsOf(b.t.Context())
			return err == nil && e == nil && !slices.ContainsFunc(checkpoints, func(c worker.Checkpoint) bool {
				return c.AppliedSeq < lastOwn(messages, c.Partition, o.partitions) || asOf[c.Partition] < want
			})
		})
		r.mustEnd()
		b.compareCounts(rt, yaml, messages, o.partitions)
	})
}

// wake starts a partition if it is idle.
func (b *bench) wake(rt *rapid.T, w *worker.Worker, idle map[uint16]bool, id uint16) {
	if !idle[id] {
		return
	}
	if err := w.StartPartition(b.t.Context(), id); err != nil {
		rt.Fatal(err)
	}
	delete(idle, id)
}

// lastOwn is the sequence of the last message of a partition.
func lastOwn(messages []oracle.Message, partition uint16, of int) (last uint64) {
	for _, m := range messages {
		if partitionOf(of)(m.Subject) == int(partition) {
			last = m.Sequence
		}
	}
	return last
}

// compareCounts holds the accounts, and what the views count, against the oracle.
func (b *bench) compareCounts(rt *rapid.T, yaml string, messages []oracle.Message, partitions int) (dead map[string]uint64) {
	b.t.Helper()
	want, _ := expected(rt, yaml, messages, partitions)
	dead = map[string]uint64{}
	letters := uint64(0)
	numbers := b.store.InForce()
	for _, a := range want.Accounts {
		c := numbers.Newest[uint16(a.Partition)]
		got := fmt.Sprint(c.Received, c.Applied, c.Ignored, c.Clamped, c.Dead, c.ArrivalClock)
		if wanted := fmt.Sprint(a.Received, a.Applied, a.Ignored, a.Clamped, a.Dead, a.ArrivalClock.UnixMilli()); got != wanted {
			rt.Errorf("partition %d: received, applied, ignored, clamped, dead, clock are %s, want %s", a.Partition, got, wanted)
		}
		for reason, n := range a.Dead {
			dead[reason] += n
			letters += n
		}
	}
	s, err := b.js.Stream(b.t.Context(), stream.DeadStream)
	if err != nil {
		rt.Fatal(err)
	}
	if n := s.CachedInfo().State.Msgs; n != letters {
		rt.Errorf("the dead-letter stream holds %d letters, want %d", n, letters)
	}
	countsEqual(rt.Errorf, want.Views, b.store.Counts())
	showFailed(rt, yaml, messages)
	return dead
}

// countsEqual holds what the views count, which was counted in memory, against the oracle's views.
func countsEqual(fail func(format string, args ...any), want map[string][]oracle.Row, got map[string][]memstore.Row) {
	for _, view := range numericViews {
		if memstore.Columns[strings.TrimSuffix(view, "_segments")] == nil {
			continue
		}
		problems := scenario.CompareRows(view, counted(view, want[view]), rowsOf(got[view]))
		for _, problem := range problems[:min(5, len(problems))] {
			fail("%.1000s (%d problems)", problem, len(problems))
		}
	}
}

// showFailed writes down the case of a test that has failed.
func showFailed(rt *rapid.T, yaml string, messages []oracle.Message) {
	if !rt.Failed() {
		return
	}
	rt.Logf("catalog:\n%s", yaml)
	for _, m := range messages {
		rt.Logf("%d %s received %s %s", m.Sequence, m.Subject[:12], m.Header[oracle.ReceivedAt], m.Data)
	}
}

// counted are the rows of a view as far as they can be counted.
func counted(view string, rows []oracle.Row) (out []oracle.Row) {
	base := strings.TrimSuffix(view, "_segments")
	for _, row := range rows {
		if base == "progress_by_age" && row["eligible"] == uint64(0) {
			continue
		}
		some := oracle.Row{}
		for _, c := range slices.Concat(memstore.Columns[base], scenario.Keys) {
			if v, ok := row[c]; ok {
				some[c] = v
			}
		}
		out = append(out, some)
	}
	return out
}

func rowsOf(rows []memstore.Row) (out []oracle.Row) {
	for _, r := range rows {
		out = append(out, maps.Clone(r))
	}
	return out
}
