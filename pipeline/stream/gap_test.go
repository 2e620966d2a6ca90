package stream_test

import (
	"testing"

	"firstlight/pipeline/stream"
)

// What is missed follows from what was received. Here partition 0 is stored up to 4 and partition 1 up to 8.
func TestWhatIsMissed(t *testing.T) {
	type received struct {
		partition int
		sequence  uint64
	}
	for _, c := range []struct {
		name     string
		had      stream.Had
		received []received
		upTo     uint64
		want     uint64 // 0: nothing new
	}{
		{"all is there", stream.Had{Received: 6}, []received{{0, 5}, {0, 6}}, 8, 0},
		{"not known before the partition that is furthest", stream.Had{Received: 6}, nil, 7, 0},
		{"what the other partition had received is not missed", stream.Had{Received: 6}, []received{{0, 6}}, 8, 1},
		{"a message that a partition has already is not received again", stream.Had{Received: 6}, []received{{1, 7}, {1, 8}}, 8, 2},
		{"beyond what was stored", stream.Had{Received: 6}, []received{{0, 6}, {1, 9}, {0, 10}}, 12, 3},
		{"known before", stream.Had{Received: 6, Missed: 2}, nil, 8, 0},
		{"some known before", stream.Had{Received: 6, Missed: 1}, nil, 8, 2},
		{"what was taken out on purpose is not missed", stream.Had{Received: 4, Purged: []uint64{2, 5, 9}}, nil, 8, 2},
		{"nor is the last of it", stream.Had{Received: 5, Purged: []uint64{2, 5, 8}}, nil, 8, 0},
		{"a stream that was made to begin at 3", stream.Had{Base: 2, Received: 5}, nil, 8, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.had.Applied = []uint64{4, 8}
			for _, r := range c.received {
				c.had.Receive(r.partition, r.sequence)
			}
			got := uint64(0)
			if gap := c.had.Gap(c.upTo); gap != nil {
				got = gap.Missed
			}
			if got != c.want {
				t.Errorf("%d are missed up to %d, want %d", got, c.upTo, c.want)
			}
		})
	}
}
