package worker

import (
	"context"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// A new leader that has not taken up all that was agreed on is waited for; a single server that holds less holds less.
func TestNewLeaderIsWaitedFor(t *testing.T) {
	ends := func(replicas int, last ...uint64) (asked func() int, state func(context.Context) (*jetstream.StreamInfo, error)) {
		n := 0
		return func() int { return n }, func(context.Context) (*jetstream.StreamInfo, error) {
			n++
			return &jetstream.StreamInfo{
				Config: jetstream.StreamConfig{Replicas: replicas}, State: jetstream.StreamState{LastSeq: last[min(n, len(last))-1]},
			}, nil
		}
	}
	for _, c := range []struct {
		name     string
		replicas int
		last     []uint64
		want     uint64
		asked    int
	}{
		{"holds it", 3, []uint64{10}, 10, 1},
		{"a leader that catches up", 3, []uint64{7, 9, 10}, 10, 3},
		{"one server", 1, []uint64{7, 10}, 7, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked, state := ends(c.replicas, c.last...)
			info, err := agreed(t.Context(), 10, state)
			if err != nil || info.State.LastSeq != c.want || asked() != c.asked {
				t.Errorf("ends at %d after %d questions, want %d after %d; %v", info.State.LastSeq, asked(), c.want, c.asked, err)
			}
		})
	}
}
