package worker_test

// Several workers share the partitions of one stream, over a real JetStream and a store in memory.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/lease"
	"firstlight/pipeline/oracle"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/worker"
	"firstlight/schemas"
)

// quick are terms under which a test need not wait long.
var quick = lease.Terms{Time: 1500 * time.Millisecond, Every: 300 * time.Millisecond, Margin: 300 * time.Millisecond, Look: 50 * time.Millisecond}

// patient are terms under which nobody is taken for dead who is only slow: for tests in which nobody dies.
var patient = lease.Terms{Time: 2 * time.Minute, Every: quick.Every, Margin: quick.Margin, Look: quick.Look}

// door is a register that can be shut, as it is to a worker that is paused or has died.
type door struct {
	worker.Register
	shut atomic.Bool
}

var errShut = errors.New("the register is shut")

func (d *door) Read(ctx context.Context) (stream.Entry, error) {
	if d.shut.Load() {
		return stream.Entry{}, errShut
	}
	return d.Register.Read(ctx)
}

func (d *door) Write(ctx context.Context, data []byte, revision uint64) (bool, error) {
	if d.shut.Load() {
		return false, errShut
	}
	return d.Register.Write(ctx, data, revision)
}

const leaseKey = "work.test"

// member returns a worker that shares the bench's partitions, and the door to its register.
func (b *bench) member(name string, c *catalog.Catalog, o options, terms lease.Terms) (*worker.Worker, *door) {
	w := b.worker(c, o)
	d := &door{Register: stream.NewRegister(b.js, leaseKey)}
	w.Drain, w.Name, w.Register = false, name, d
	w.Terms(terms)
	return w, d
}

// parted reports whether each of the partitions runs in one of the workers, and each worker has its share.
func parted(partitions int, workers ...*worker.Worker) bool {
	var all []uint16
	for _, w := range workers {
		runs := w.Runs()
		if len(runs) < partitions/len(workers) {
			return false
		}
		all = append(all, runs...)
	}
	slices.Sort(all)
	return slices.Equal(all, slices.Compact(slices.Clone(all))) && len(all) == partitions
}

func saas(t testing.TB) *catalog.Catalog {
	c, problems := catalog.Load(schemas.ExampleSaaS, kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("saas.yaml"))
	}
	return c
}

var plain8 = options{partitions: 8, flushInterval: 20 * time.Millisecond, messages: 1000, users: 1000, cells: 10_000, letters: 1000}

// received is how many messages are in the stored accounts.
func (b *bench) received() (n uint64) {
	checkpoints, err := b.store.InForce().Checkpoints(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range checkpoints {
		n += c.Received
	}
	return n
}

// publishOn stores the next messages of a product that goes on, and waits until all are in the accounts, whoever applied them.
func (b *bench) publishOn(all *[]oracle.Message, n int) {
	b.t.Helper()
	more := traffic(n, float64(len(*all)))
	b.publish(more)
	*all = append(*all, more...)
	eventually(b.t, "everything is stored", func() bool { return b.received() == uint64(len(*all)) })
}

// TestWorkersShare: workers that join get their share, what a worker held that dies, pauses or stops goes on elsewhere, and every
// message is in the accounts once.
func TestWorkersShare(t *testing.T) {
	b := newBench(t)
	b.begin(nil)
	c := saas(t)
	var all []oracle.Message

	one, shutOne := b.member("one", c, plain8, quick)
	first := start(t, one)
	eventually(t, "the first worker has all", func() bool { return parted(8, one) })
	b.publishOn(&all, 200)

	two, _ := b.member("two", c, plain8, quick)
	second := start(t, two)
	eventually(t, "two workers share", func() bool { return parted(8, one, two) })
	b.publishOn(&all, 200)

	three, shutThree := b.member("three", c, plain8, quick)
	third := start(t, three)
	eventually(t, "three workers share", func() bool {
		return parted(8, one, two, three) || len(one.Runs())+len(two.Runs())+len(three.Runs()) == 8 && len(three.Runs()) >= 2
	})
	b.publishOn(&all, 200)

	shutThree.shut.Store(true) // it can tell nobody that it stops: so it is when it dies
	third.mustEnd()
	eventually(t, "what the dead one held runs elsewhere", func() bool { return parted(8, one, two) })
	b.publishOn(&all, 200)

	shutOne.shut.Store(true) // it is there, and knows nothing
	eventually(t, "what the paused one held runs elsewhere", func() bool { return parted(8, two) })
	b.publishOn(&all, 200)
	shutOne.shut.Store(false)
	eventually(t, "the one that woke shares again", func() bool { return parted(8, one, two) })
	b.publishOn(&all, 200)

	began := time.Now()
	second.mustEnd()
	eventually(t, "what the stopped one held runs elsewhere", func() bool { return parted(8, one) })
	t.Logf("moved %s after an orderly stop began", time.Since(began).Round(time.Millisecond))
	b.publishOn(&all, 200)
	first.mustEnd()
	b.sameAsAlone(all, c)
}

// sameAsAlone holds what is stored against what one worker alone stores of the same messages.
func (b *bench) sameAsAlone(all []oracle.Message, c *catalog.Catalog) {
	b.t.Helper()
	shared, letters := b.store.InForce(), b.letters()
	alone := newBench(b.t)
	alone.begin(all)
	if err := alone.worker(c, plain8).Run(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	calm := alone.store.InForce()
	if len(shared.Users) != len(calm.Users) {
		b.t.Errorf("%d users are stored, want %d", len(shared.Users), len(calm.Users))
	}
	for k, want := range calm.Cells {
		if got := shared.Cells[k]; got.N != want.N || got.Active != want.Active || got.Adopters != want.Adopters || !slices.Equal(got.Counts, want.Counts) {
			b.t.Errorf("cell %v is %v, want %v", k, got, want)
		}
	}
	for id, want := range calm.Newest {
		got := shared.Newest[id]
		if fmt.Sprint(got.Received, got.Applied, got.Ignored, got.Dead, got.Missed) != fmt.Sprint(want.Received, want.Applied, want.Ignored, want.Dead, want.Missed) {
			b.t.Errorf("partition %d has the accounts %+v, want %+v", id, got, want)
		}
	}
	if want := alone.letters(); letters != want {
		b.t.Errorf("%d dead letters, want %d", letters, want)
	}
}

func (b *bench) letters() uint64 {
	s, err := b.js.Stream(b.t.Context(), stream.DeadStream)
	if err != nil {
		b.t.Fatal(err)
	}
	return s.CachedInfo().State.Msgs
}

// TestLeasesGetLost: a bucket that is deleted is made again, what stands in it and is no table is replaced, each with a line at most,
// and nobody loses what it runs for it.
func TestLeasesGetLost(t *testing.T) {
	b := newBench(t)
	b.begin(nil)
	c := saas(t)
	core, logs := observer.New(zapcore.WarnLevel)
	one, _ := b.member("one", c, plain8, quick)
	two, _ := b.member("two", c, plain8, quick)
	one.Log = zap.New(core)
	first, second := start(t, one), start(t, two)
	eventually(t, "two workers share", func() bool { return parted(8, one, two) })
	var all []oracle.Message
	b.publishOn(&all, 100)

	if err := b.js.DeleteKeyValue(t.Context(), "FIRSTLIGHT_LEASES"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the bucket is there again", func() bool {
		kv, err := b.js.KeyValue(t.Context(), "FIRSTLIGHT_LEASES")
		if err != nil {
			return false
		}
		_, err = kv.Get(t.Context(), leaseKey)
		return err == nil
	})
	eventually(t, "two workers share", func() bool { return parted(8, one, two) })
	b.publishOn(&all, 100)

	kv, err := b.js.KeyValue(t.Context(), "FIRSTLIGHT_LEASES")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kv.PutString(t.Context(), leaseKey, "what others keep here"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is replaced", func() bool {
		e, err := kv.Get(t.Context(), leaseKey)
		return err == nil && strings.HasPrefix(string(e.Value()), "{")
	})
	eventually(t, "two workers share", func() bool { return parted(8, one, two) })
	b.publishOn(&all, 100)

	for _, table := range []string{ // they can be read, and are not those of these partitions
		`{"format":1,"by":"X","generation":1,"workers":[],"partitions":[{"stored":0}]}`,
		`{"format":1,"by":"X","generation":4294967295,"workers":[],"partitions":[]}`,
		`{"format":1,"by":"X","generation":4294967295,"workers":[{"id":"X","ready":true,"renewed":99999999999999}],"partitions":[{"holder":"X"}]}`,
	} {
		if _, err := kv.PutString(t.Context(), leaseKey, table); err != nil {
			t.Fatal(err)
		}
		b.publishOn(&all, 100)
		eventually(t, "two workers share", func() bool { return parted(8, one, two) })
	}
	first.mustEnd()
	second.mustEnd()
	if n := logs.FilterMessageSnippet("NATS fails").Len(); n > 2 {
		t.Errorf("the log has %d lines about it:\n%v", n, logs.All())
	}
	b.sameAsAlone(all, c)
}

// TestOtherCatalogWaits: a worker with another catalog waits while one is at work, says so, and refuses by what is stored once that
// has stopped.
func TestOtherCatalogWaits(t *testing.T) {
	b := newBench(t)
	b.begin(nil)
	c := saas(t)
	one, _ := b.member("one", c, plain8, patient)
	first := start(t, one)
	eventually(t, "the first worker has all", func() bool { return parted(8, one) })

	other, problems := catalog.Load([]byte(strings.Replace(string(schemas.ExampleSaaS), "timezone: UTC", "timezone: Europe/Berlin", 1)), kind.All)
	if problems.Failed() || other.Hash() == c.Hash() {
		t.Fatal("the other catalog is none")
	}
	core, logs := observer.New(zapcore.WarnLevel)
	two, _ := b.member("two", other, plain8, patient)
	two.Log = zap.New(core)
	second := start(t, two)
	eventually(t, "it says that it waits", func() bool { return logs.FilterMessageSnippet("another catalog is at work").Len() == 1 })
	var all []oracle.Message
	b.publishOn(&all, 100)
	if !parted(8, one) || len(two.Runs()) > 0 {
		t.Errorf("the first runs %v, the other %v", one.Runs(), two.Runs())
	}
	first.mustEnd()
	refusal := (*worker.Refusal)(nil)
	if err := <-second.done; !errors.As(err, &refusal) || !strings.Contains(refusal.Reason, "timezone") {
		t.Errorf("the other ended with %v, want that the catalog defines other numbers", err)
	}
	if n := logs.Len(); n != 1 {
		t.Errorf("the log has %d lines, want one:\n%v", n, logs.All())
	}
}

// TestStandbyTakesOver: a worker that read nothing while another did the work goes on where that was, and takes what it did not read
// for lost only where it is.
func TestStandbyTakesOver(t *testing.T) {
	b := newBench(t)
	b.begin(nil)
	c := saas(t)
	o := plain8
	o.partitions = 1
	one, _ := b.member("one", c, o, patient)
	first := start(t, one)
	eventually(t, "the first worker has the partition", func() bool { return len(one.Runs()) == 1 })
	two, _ := b.member("two", c, o, patient)
	second := start(t, two)
	eventually(t, "the second stands by", func() bool { seen := two.Observe(); return seen.Recovered && seen.Workers == 2 })
	var all []oracle.Message
	b.publishOn(&all, 200)
	if seen := two.Observe(); len(seen.Elsewhere) != 1 || seen.Elsewhere[0].Holder != "one" {
		t.Errorf("the second sees %+v", seen.Elsewhere)
	}
	first.mustEnd()
	eventually(t, "the second takes over", func() bool { return len(two.Runs()) == 1 })
	b.publishOn(&all, 200)
	second.mustEnd()

	b.publish(traffic(30, 400)) // nobody reads these
	events, err := b.js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	if err := events.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	three, _ := b.member("three", c, o, patient)
	third := start(t, three)
	b.publish(traffic(10, 430))
	eventually(t, "the third stores what is left", func() bool { return b.received() == 410 })
	third.mustEnd()
	if missed := b.store.InForce().Newest[0].Missed; missed != 30 {
		t.Errorf("%d messages were missed, want 30", missed)
	}
}

// TestDrainBesideWorkers: who drains ends once all is stored by those that are at work, and takes nothing from them.
func TestDrainBesideWorkers(t *testing.T) {
	b := newBench(t)
	all := traffic(300, 0)
	b.begin(all)
	c := saas(t)
	one, _ := b.member("one", c, plain8, patient)
	first := start(t, one)
	eventually(t, "the first worker has all", func() bool { return parted(8, one) })
	drain, _ := b.member("drain", c, plain8, patient)
	drain.Drain = true
	if err := drain.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.received(); n != uint64(len(all)) {
		t.Errorf("it ended when %d of %d messages were stored", n, len(all))
	}
	if !parted(8, one) {
		t.Errorf("the worker at work runs %v", one.Runs())
	}
	first.mustEnd()

	more := traffic(300, 300)
	b.publish(more)
	alone, _ := b.member("alone", c, plain8, patient)
	alone.Drain = true
	if err := alone.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.sameAsAlone(append(all, more...), c)
}

// forgetLeases removes what workers of a case wrote about each other.
func (b *bench) forgetLeases(rt *rapid.T) {
	if err := b.js.DeleteKeyValue(b.t.Context(), "FIRSTLIGHT_LEASES"); err != nil && !errors.Is(err, jetstream.ErrBucketNotFound) {
		rt.Fatal(err)
	}
}
