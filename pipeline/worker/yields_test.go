package worker_test

import (
	"context"
	"sync/atomic"
	"testing"
)

// TestAWorkerYields: while others are to get on first no message is taken, and all are once they have.
func TestAWorkerYields(t *testing.T) {
	b := newBench(t)
	b.begin(nil)
	b.publish(traffic(100, 0))
	var asked, others atomic.Int64
	others.Store(1)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		w := b.worker(saas(t), plain8)
		w.Drain, w.Yields = false, func() bool { asked.Add(1); return others.Load() == 1 }
		ended <- w.Run(ctx)
	}()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	eventually(t, "the worker has asked for a while", func() bool { return asked.Load() > 50*8 })
	if n := b.received(); n != 0 {
		t.Errorf("%d messages were taken before others had got on", n)
	}
	others.Store(0)
	eventually(t, "all messages are taken", func() bool { return b.received() == 100 })
}
