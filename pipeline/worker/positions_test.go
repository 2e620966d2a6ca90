package worker_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"firstlight/pipeline/oracle"
	"firstlight/pipeline/stream"
	"firstlight/pipeline/trouble"
	"firstlight/pipeline/worker"
	"firstlight/pipeline/worker/memstore"
)

// replicas is a store of two servers. While lags is set, the one that is read has not got what the other has stored since long.
type replicas struct {
	worker.Store
	behind worker.Store
	lags   atomic.Bool
	began  atomic.Bool // a generation on the one that is behind
}

func (r *replicas) read() worker.Store {
	if r.lags.Load() {
		return r.behind
	}
	return r.Store
}

func (r *replicas) Generation(ctx context.Context) (uint32, error) { return r.read().Generation(ctx) }

func (r *replicas) In(generation uint32) worker.Numbers { return r.read().In(generation) }

func (r *replicas) Begin(ctx context.Context, now time.Time) (uint32, error) {
	r.began.Store(r.began.Load() || r.lags.Load())
	return r.read().Begin(ctx, now)
}

// TestAReplicaThatIsBehind: a worker that finds less stored than workers have stored says so and waits, begins nothing and goes on from
// nothing old; then it ends in the same numbers as one whose store was never behind.
func TestAReplicaThatIsBehind(t *testing.T) {
	for name, old := range map[string]func(*bench) *memstore.Store{
		"nothing": func(*bench) *memstore.Store { return &memstore.Store{} },
		"earlier": func(b *bench) *memstore.Store {
			s := &memstore.Store{}
			w := b.worker(saas(t), plain8)
			w.Store = s
			if err := w.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := b.js.DeleteStream(t.Context(), stream.DeadStream); err != nil {
				t.Fatal(err)
			}
			if _, err := stream.EnsureDead(t.Context(), b.js); err != nil {
				t.Fatal(err)
			}
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, c := newBench(t), saas(t)
			var all []oracle.Message
			b.begin(nil)
			publish := func() {
				more := traffic(200, float64(len(all)))
				b.publish(more)
				all = append(all, more...)
			}
			publish()
			behind := old(b)
			publish()
			member := func() (*worker.Worker, *observer.ObservedLogs) {
				w := b.worker(c, plain8)
				core, log := observer.New(zapcore.WarnLevel)
				w.Trouble = trouble.NewBoard(zap.New(core))
				w.Positions = stream.NewLastingRegister(b.js, "stored.test")
				return w, log
			}
			w, _ := member()
			if err := w.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			publish()

			w, log := member()
			store := &replicas{Store: b.store, behind: behind}
			store.lags.Store(true)
			w.Store, w.Drain = store, false
			before, _ := behind.Generation(t.Context())
			r := start(t, w)
			eventually(t, "the worker says that the server is behind", func() bool {
				for _, line := range log.All() {
					if err, is := line.ContextMap()["error"].(string); is && strings.Contains(err, "the ClickHouse server is behind: it holds") {
						return true
					}
				}
				return false
			})
			after, _ := behind.Generation(t.Context())
			if w.Observe().Recovered || store.began.Load() || before != after {
				t.Errorf("it went on with what is behind: generation %d became %d", before, after)
			}
			store.lags.Store(false)
			eventually(t, "everything is stored", func() bool { return b.received() == uint64(len(all)) })

			w.StopPartition(3)
			store.lags.Store(true)
			if err := w.StartPartition(t.Context(), 3); err == nil || !strings.Contains(err.Error(), "is behind") || w.StateOf(3) != "idle" {
				t.Errorf("a partition that comes to it starts from what is behind: %v", err)
			}
			store.lags.Store(false)
			if err := w.StartPartition(t.Context(), 3); err != nil {
				t.Fatal(err)
			}
			publish()
			eventually(t, "everything is stored", func() bool { return b.received() == uint64(len(all)) })
			r.mustEnd()
			b.sameAsAlone(all, c)
		})
	}
}

// TestPositionsOfARebuild: what belongs to an earlier generation counts no more, and what was said in a register that was lost is said
// again.
func TestPositionsOfARebuild(t *testing.T) {
	b, c := newBench(t), saas(t)
	b.begin(traffic(200, 0))
	run := func(change func(*worker.Worker)) {
		t.Helper()
		w := b.worker(c, plain8)
		w.Positions = stream.NewLastingRegister(b.js, "stored.test")
		change(w)
		if err := w.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	run(func(*worker.Worker) {})
	run(func(w *worker.Worker) { w.Rebuild = true })
	b.store = &memstore.Store{} // dropped on purpose, and computed anew on purpose
	run(func(w *worker.Worker) { w.Rebuild = true })
	run(func(*worker.Worker) {})
	if err := b.js.DeleteKeyValue(t.Context(), "FIRSTLIGHT_POSITIONS"); err != nil {
		t.Fatal(err)
	}
	run(func(*worker.Worker) {})
	if n := b.received(); n != 200 {
		t.Errorf("%d messages are in the accounts", n)
	}
}
