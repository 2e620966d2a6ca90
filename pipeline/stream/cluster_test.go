package stream_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap/zaptest"

	"firstlight/pipeline/stream"
	"firstlight/pipeline/stream/streamtest"
	"firstlight/pipeline/trouble"
)

func TestMain(m *testing.M) { streamtest.Main(m) }

// eventually waits until is holds.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(10 * time.Minute); !is(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("waited ten minutes until " + what)
		}
	}
}

// replicated creates the event stream with some replicas, as soon as the servers agree to.
func replicated(t *testing.T, js jetstream.JetStream, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("the event stream has %d replicas", n), func() bool {
		_, err := js.CreateOrUpdateStream(t.Context(), jetstream.StreamConfig{Name: "EVENTS", Subjects: []string{"events.>"}, Replicas: n})
		return err == nil
	})
}

// replicas returns how many a stream or bucket has, 0 when it is not there.
func replicas(t *testing.T, js jetstream.JetStream, name string) int {
	s, err := js.Stream(t.Context(), name)
	if err != nil {
		return 0
	}
	return s.CachedInfo().Config.Replicas
}

// TestOwnReplicas: what Firstlight makes has as many replicas as the event stream; what has fewer gets more, nothing loses any.
func TestOwnReplicas(t *testing.T) {
	if testing.Short() {
		t.Skip("nothing works beside the test itself, which is what the race detector is for: run without -short")
	}
	t.Parallel()
	c := streamtest.NewCluster(t)
	_, js := c.Connect()
	make := func() {
		t.Helper()
		for what, ensure := range map[string]func(context.Context) error{
			"dead letters": func(ctx context.Context) error { _, err := stream.EnsureDead(ctx, js); return err },
			"annotations":  func(ctx context.Context) error { _, err := stream.EnsureAnnotations(ctx, js); return err },
			"anomalies":    func(ctx context.Context) error { _, err := stream.EnsureAnomalies(ctx, js); return err },
			"leases":       func(ctx context.Context) error { _, err := stream.NewLease(ctx, js, "k", "me"); return err },
			"positions":    func(ctx context.Context) error { _, err := stream.NewLastingRegister(js, "k").Read(ctx); return err },
			"a bucket": func(ctx context.Context) error {
				_, err := stream.EnsureBucket(ctx, js, jetstream.KeyValueConfig{Bucket: "OWN", Description: "ours"})
				return err
			},
		} {
			eventually(t, what+" are there", func() bool { return ensure(t.Context()) == nil })
		}
	}
	all := []string{stream.DeadStream, stream.AnnotationStream, stream.AnomalyStream, "KV_FIRSTLIGHT_LEASES", "KV_FIRSTLIGHT_POSITIONS", "KV_OWN"}

	replicated(t, js, 1)
	make()
	for _, name := range all {
		if n := replicas(t, js, name); n != 1 {
			t.Errorf("%s has %d replicas beside an event stream of 1", name, n)
		}
	}
	replicated(t, js, 3)
	for _, name := range all {
		eventually(t, name+" has three replicas", func() bool { make(); return replicas(t, js, name) == 3 })
	}
	replicated(t, js, 1)
	make()
	for _, name := range all {
		if n := replicas(t, js, name); n != 3 {
			t.Errorf("%s was lowered to %d replicas", name, n)
		}
	}
	for _, name := range all {
		if err := js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	replicated(t, js, 3)
	make()
	for _, name := range all {
		if n := replicas(t, js, name); n != 3 {
			t.Errorf("%s was made with %d replicas beside an event stream of 3", name, n)
		}
	}
	for _, name := range append(all, "EVENTS") {
		if err := js.DeleteStream(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	for _, config := range []jetstream.StreamConfig{
		{Name: "ORIGIN", Subjects: []string{"product.>"}, Replicas: 1},
		{Name: "EVENTS", Mirror: &jetstream.StreamSource{Name: "ORIGIN"}, Replicas: 3},
	} {
		eventually(t, config.Name+" is there", func() bool { _, err := js.CreateOrUpdateStream(t.Context(), config); return err == nil })
	}
	make()
	for _, name := range all {
		if n := replicas(t, js, name); n != 3 {
			t.Errorf("%s was made with %d replicas beside an event stream that is a mirror of 3", name, n)
		}
	}
}

// TestLeaderKilled: whoever leads the event stream may be killed, again and again: reading goes on within seconds of the election,
// and hands every message out, once and in order. The log says how long it took.
func TestLeaderKilled(t *testing.T) {
	t.Parallel()
	c := streamtest.NewCluster(t)
	_, js := c.Connect()
	replicated(t, js, 3)
	s, err := js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	out := make(chan stream.Item, 1000)
	r := stream.NewReader(s, 1)
	r.Attach(stream.Known{Had: stream.Had{Applied: []uint64{0}}}, stream.Joining{In: out})
	r.Trouble = trouble.NewBoard(zaptest.NewLogger(t))
	r.Check = func(context.Context, uint64, uint64) error { return nil }
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	var read atomic.Uint64
	go func() {
		for {
			select {
			case item := <-out:
				if item.Mark != nil {
					continue
				}
				if before := read.Swap(item.Message.Sequence); item.Message.Sequence != before+1 {
					t.Errorf("message %d came after %d", item.Message.Sequence, before)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	publish := func() uint64 {
		var sequence uint64
		eventually(t, "a message is stored", func() bool {
			attempt, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			ack, err := js.Publish(attempt, "events.web.u", []byte("{}"))
			if err != nil {
				return false
			}
			sequence = ack.Sequence
			return true
		})
		return sequence
	}
	var worst time.Duration
	kills := 4           // more than there are servers: one is killed that has come back
	if testing.Short() { // for the race detector, to which one election is as good as the next
		kills = 2
	}
	for range kills {
		last := publish()
		eventually(t, "it is read", func() bool { return read.Load() >= last })
		leader := ""
		eventually(t, "the stream has a leader and all replicas", func() bool {
			info, err := s.Info(t.Context())
			if err != nil || info.Cluster == nil || info.Cluster.Leader == "" {
				return false
			}
			leader = info.Cluster.Leader
			for _, peer := range info.Cluster.Replicas {
				if !peer.Current || peer.Offline {
					return false
				}
			}
			return len(info.Cluster.Replicas) == 2
		})
		killed := time.Now()
		c.Kill(leader)
		last = publish()
		eventually(t, "what came after the kill is read", func() bool { return read.Load() >= last })
		took := time.Since(killed)
		worst = max(worst, took)
		t.Logf("read again %s after %s was killed", took.Round(time.Millisecond), leader)
		c.Start(leader)
	}
	if worst > 2*time.Minute { // a machine that is ten times slower than one that takes 15 s
		t.Errorf("for %s nothing was read", worst)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
