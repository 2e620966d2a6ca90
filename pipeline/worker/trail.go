package worker

import (
	"maps"
	"slices"

	"firstlight/pipeline/event"
	"firstlight/pipeline/stream"
)

// trail keeps the fingerprints of a few messages of a partition: the newest, and older ones at growing distances, because any of
// them may rightly leave the stream. Slot i is of the newest message whose number within the partition is a multiple of 4^i.
type trail struct {
	prints [trailSlots]print
	newest event.Message // that of slot 0, until somebody asks for its fingerprint; none: without a sequence
}

type print struct{ sequence, hash uint64 }

const trailSlots = 8

func trailStep(slot int) uint64 { return 1 << (2 * slot) }

// note takes note of a partition's n-th message, from 1.
func (t *trail) note(n uint64, m *event.Message) {
	t.newest = *m
	if n%trailStep(1) != 0 {
		return
	}
	t.settle()
	for i := 1; i < trailSlots && n%trailStep(i) == 0; i++ {
		t.prints[i] = t.prints[0]
	}
}

// settle fingerprints the newest message.
func (t *trail) settle() {
	if t.newest.Sequence != 0 {
		t.prints[0], t.newest = print{t.newest.Sequence, stream.Fingerprint(&t.newest)}, event.Message{}
	}
}

// all returns the fingerprints by sequence.
func (t *trail) all() map[uint64]uint64 {
	t.settle()
	out := make(map[uint64]uint64, trailSlots)
	for _, p := range t.prints {
		if p.sequence != 0 {
			out[p.sequence] = p.hash
		}
	}
	return out
}

// restore is the inverse of all, after n messages.
func (t *trail) restore(n uint64, prints map[uint64]uint64) {
	sequences := slices.Sorted(maps.Keys(prints))
	before := uint64(0)
	for i := range t.prints {
		number := n - n%trailStep(i) // of the slot's message
		if i > 0 && number != before && len(sequences) > 0 {
			sequences = sequences[:len(sequences)-1]
		}
		if number == 0 || len(sequences) == 0 {
			return
		}
		newest := sequences[len(sequences)-1]
		t.prints[i], before = print{newest, prints[newest]}, number
	}
}
