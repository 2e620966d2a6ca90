package worker_test

import (
	"context"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/worker"
	"firstlight/schemas"
)

// restarting is a store whose server is not there for a few questions.
type restarting struct {
	worker.Store
	failures atomic.Int64
}

func (r *restarting) In(generation uint32) worker.Numbers {
	return &restartingNumbers{r.Store.In(generation), r}
}

type restartingNumbers struct {
	worker.Numbers
	of *restarting
}

func (r *restartingNumbers) Purged(ctx context.Context) ([]uint64, error) {
	if r.of.failures.Add(-1) >= 0 {
		return nil, io.EOF
	}
	return r.Numbers.Purged(ctx)
}

// TestStartIsTriedAgain: a worker whose store is not there for a moment while it starts begins again, as long as it is to wait for that.
func TestStartIsTriedAgain(t *testing.T) {
	c, problems := catalog.Load(schemas.ExampleSaaS, kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("saas.yaml"))
	}
	for _, wait := range []time.Duration{0, time.Hour} {
		b := newBench(t)
		b.begin(nil)
		w := b.worker(c, options{partitions: 2, flushInterval: time.Millisecond, messages: 10, users: 10, cells: 10, letters: 10})
		store := &restarting{Store: w.Store}
		store.failures.Store(2)
		w.Store, w.StartWait = store, wait
		if err := w.Run(t.Context()); (err == nil) != (wait > 0) {
			t.Errorf("waiting for %s: %v", wait, err)
		}
	}
}
