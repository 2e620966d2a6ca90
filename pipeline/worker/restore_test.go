package worker_test

import (
	"context"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/worker"
	"firstlight/pipeline/worker/faulty"
)

// recoveries is a store that tells how cells are recovered.
type recoveries struct {
	worker.Store
	folds     atomic.Int64 // cells were folded from users
	meanwhile func()       // is called once, between reading cells and users
}

func (r *recoveries) In(generation uint32) worker.Numbers {
	return &recovery{r.Store.In(generation), r}
}

type recovery struct {
	worker.Numbers
	of *recoveries
}

func (r *recovery) LoadAhead(ctx context.Context, seqs map[uint16]uint64, cell func(uint16, worker.StoredCell)) error {
	r.of.folds.Add(1)
	return r.Numbers.LoadAhead(ctx, seqs, cell)
}

func (r *recovery) LoadUsers(ctx context.Context, partitions []uint16, user func(uint16, []byte, []byte, uint64) error) error {
	if meanwhile := r.of.meanwhile; meanwhile != nil {
		r.of.meanwhile = nil
		meanwhile()
	}
	return r.Numbers.LoadUsers(ctx, partitions, user)
}

// TestCellsAreReadBack: a worker that goes on where one ended in order reads the cells that are stored, and one that goes on where a flush
// did not end folds its users, or finds nothing beyond its checkpoint; with either the counts are those of the oracle. (Built with
// invariants, the cells are held against the users at every flush.)
func TestCellsAreReadBack(t *testing.T) {
	var folded, after atomic.Int64
	many(t, 300, func(rt *rapid.T, b *bench) {
		yaml, messages := drawCatalog(rt), drawStream(rt, 50, 70)
		partitions := rapid.IntRange(1, 4).Draw(rt, "partitions")
		c, problems := catalog.Load([]byte(yaml), kind.All)
		if problems.Failed() {
			rt.Fatal(problems.Format("catalog.yaml"))
		}
		b.begin(nil)
		b.store.Forget = forgetting(messages)
		inOrder := false
		for rest := messages; len(rest) > 0; {
			n := rapid.IntRange(1, len(rest)).Draw(rt, "messages")
			b.publish(rest[:n])
			rest = rest[n:]
			w := b.worker(c, drawOptions(rt, partitions))
			seen := &recoveries{Store: w.Store}
			w.Store = seen
			if crash := rapid.IntRange(0, 30).Draw(rt, "crash"); crash > 0 {
				faulty.Inject(w, faulty.Crash(crash, faulty.After, errCrash))
			}
			err := w.Run(b.t.Context())
			switch folds := seen.folds.Load(); {
			case inOrder && folds > 0:
				rt.Errorf("a worker folds users though all was stored in order")
			case folds > 0:
				folded.Add(1)
			case inOrder:
				after.Add(1)
			}
			inOrder = err == nil
		}
		b.drainIn(rt, yaml, drawOptions(rt, partitions))
		b.compareCounts(rt, yaml, messages, partitions)
	})
	t.Logf("%d recoveries read cells after an end in order, %d folded users", after.Load(), folded.Load())
	if !testing.Short() && (after.Load() == 0 || folded.Load() == 0) {
		t.Error("not both ways of recovering were taken")
	}
}

// TestAnotherStoresDuringARecovery: users whom another worker stores after cells were read count once.
func TestAnotherStoresDuringARecovery(t *testing.T) {
	many(t, 100, func(rt *rapid.T, b *bench) {
		yaml, messages := drawCatalog(rt), drawStream(rt, 50, 70)
		o := drawOptions(rt, rapid.IntRange(1, 4).Draw(rt, "partitions"))
		c, problems := catalog.Load([]byte(yaml), kind.All)
		if problems.Failed() {
			rt.Fatal(problems.Format("catalog.yaml"))
		}
		b.begin(nil)
		b.store.Forget = forgetting(messages)
		n := rapid.IntRange(1, len(messages)).Draw(rt, "messages")
		b.publish(messages[:n])
		b.drainIn(rt, yaml, o)
		b.publish(messages[n:])
		w := b.worker(c, o)
		w.Store = &recoveries{Store: w.Store, meanwhile: func() { b.drainIn(rt, yaml, o) }}
		if err := w.Run(b.t.Context()); err != nil {
			rt.Fatal(err)
		}
		b.compareCounts(rt, yaml, messages, o.partitions)
	})
}
