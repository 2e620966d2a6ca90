package worker_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/trouble"
	"firstlight/pipeline/worker/faulty"
)

func mustLoad(t testing.TB, yaml string) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Load([]byte(yaml), kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("catalog.yaml"))
	}
	return c
}

// TestUsersCannotBeReadBack: users who cannot be read back hold up their partition and change nothing: that is said once it lasts, and
// when they can be read again the numbers are as if they always could.
func TestUsersCannotBeReadBack(t *testing.T) {
	b := newBench(t)
	messages := traffic(400, 0)
	b.begin(messages[:200])
	w := b.worker(mustLoad(t, hostileCatalog), options{partitions: 2, flushInterval: 5 * time.Millisecond, messages: 20, users: 1000, cells: 10_000, letters: 1000, memory: 1})
	w.Drain, w.Trouble = false, trouble.NewBoard(zap.NewNop())
	var away atomic.Bool
	faulty.Inject(w, func(what string, at faulty.Moment) error {
		if what == faulty.ReadBack && at == faulty.During && away.Load() {
			return errors.New("no users today")
		}
		return nil
	})
	r := start(t, w)
	eventually(t, "the first messages are stored", func() bool { return b.accounted() == 200 })
	away.Store(true)
	b.publish(messages[200:])
	eventually(t, "messages wait", func() bool { return waits(w, time.Second) })
	eventually(t, "it is said", func() bool {
		return slices.ContainsFunc(w.Trouble.Lasting(), func(line string) bool { return strings.Contains(line, "no users today") })
	})
	away.Store(false)
	eventually(t, "all is stored", func() bool { return b.accounted() == 400 })
	if lasting := w.Trouble.Lasting(); len(lasting) > 0 {
		t.Errorf("it still says %q", lasting)
	}
	o := w.Observe()
	if r := o.Returned; r.Batches == 0 || r.Users < r.Batches || r.Took == 0 {
		t.Errorf("users came back as %+v", r)
	}
	if a, b := o.Partitions[0], o.Partitions[1]; a.Known+b.Known != 37 || a.Users+b.Users > 20 {
		t.Errorf("%d and %d users are known, %d and %d in memory", a.Known, b.Known, a.Users, b.Users)
	}
	r.mustEnd()
	nothingRuns(t)
	b.countsEqualOracle(hostileCatalog, 2)
}

// TestOvertakenWorker: a worker whose partitions another applies meanwhile finds users stored beyond where it has got: it recovers anew,
// and ends in the numbers of the oracle.
func TestOvertakenWorker(t *testing.T) {
	b := newBench(t)
	messages := traffic(600, 0)
	b.begin(messages[:200])
	c, o := mustLoad(t, hostileCatalog), options{partitions: 2, flushInterval: 5 * time.Millisecond, messages: 20, users: 1000, cells: 10_000, letters: 1000}
	o.memory = 1
	w := b.worker(c, o)
	w.Drain = false
	core, logs := observer.New(zap.WarnLevel)
	w.Log = zap.New(core)
	var away atomic.Bool
	goOn := make(chan struct{})
	faulty.Inject(w, func(what string, at faulty.Moment) error {
		if what == faulty.ReadBack && at == faulty.Before && away.Load() {
			<-goOn
		}
		return nil
	})
	r := start(t, w)
	eventually(t, "the first messages are stored", func() bool { return b.accounted() == 200 })
	away.Store(true)
	b.publish(messages[200:400])
	o.memory = 0
	if err := b.worker(c, o).Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	away.Store(false)
	close(goOn)
	b.publish(messages[400:])
	eventually(t, "all is stored", func() bool { return b.accounted() == 600 })
	r.mustEnd()
	nothingRuns(t)
	if logs.FilterMessage("a partition is recovered anew").Len() == 0 {
		t.Error("the worker did not find out that it was overtaken")
	}
	b.countsEqualOracle(hostileCatalog, 2)
}

// accounted is how many messages are in the stored accounts, once as_of has got as far.
func (b *bench) accounted() (n uint64) {
	b.t.Helper()
	numbers := b.store.InForce()
	checkpoints, err := numbers.Checkpoints(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	asOf, err := numbers.AsOf(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	newest := int64(0)
	for _, c := range checkpoints {
		n, newest = n+c.Received, max(newest, c.ArrivalClock)
	}
	for _, c := range checkpoints {
		if asOf[c.Partition] < newest {
			return 0
		}
	}
	return n
}

// countsEqualOracle holds what is stored against the oracle of what the stream holds.
func (b *bench) countsEqualOracle(yaml string, partitions int) {
	b.t.Helper()
	messages := b.stored("EVENTS")
	rapid.Check(b.t, func(rt *rapid.T) { b.compareCounts(rt, yaml, messages, partitions) })
}
