package stream

import (
	"context"
	"slices"
)

// What the stream loses before it is read is missed. How much that is follows from what was received: up to any sequence, every
// message was received or missed. It cannot be counted gap by gap after a crash, because some partitions may have been stored
// further than others, and have received what is gone by then.

// Gap says that so many messages up to a sequence were gone before they were read.
type Gap struct{ UpTo, Missed uint64 }

// Had is what the partitions have of the stream, as it is when a reader begins.
type Had struct {
	Base     uint64   // the sequence before the stream's first
	Received uint64   // messages, all partitions together
	Missed   uint64   // messages that were gone
	Applied  []uint64 // per partition: it has received all of its messages up to here
	Clock    int64    // largest received time (ms) of the messages up to the least of these
	Purged   []uint64 // sequences, ascending, that were taken out on purpose and never received: they are not missed
}

// Receive takes account of a message that is handed to a partition.
func (h *Had) Receive(partition int, sequence uint64) {
	if sequence > h.Applied[partition] {
		h.Received++
	}
}

// Gap returns what is missed once every partition has what the stream holds up to a sequence, nil when that is no more than before.
// Where a partition is further than that, it is not known yet.
func (h *Had) Gap(upTo uint64) *Gap {
	for _, applied := range h.Applied {
		if upTo < applied {
			return nil
		}
	}
	purged, _ := slices.BinarySearch(h.Purged, upTo+1)
	known := h.Base + h.Received + h.Missed + uint64(purged)
	if upTo <= known {
		return nil
	}
	return &Gap{UpTo: upTo, Missed: h.Missed + upTo - known}
}

// handedOut takes account of everything up to a sequence: the reader has seen it, and may see it again.
func (h *Had) handedOut(upTo uint64) {
	for i := range h.Applied {
		h.Applied[i] = max(h.Applied[i], upTo)
	}
}

// skip tells the first partition, which accounts for the stream as a whole, of what is gone before a message. It reports false when
// ctx has ended. Where that partition is not attached, the next gap tells of this one too.
func (r *Reader) skip(ctx context.Context, next uint64) bool {
	gap, first := r.had.Gap(next-1), r.slots[0].Load()
	if gap == nil || first == nil {
		return true
	}
	select {
	case first.in <- Item{Gap: gap}:
		r.had.Missed = gap.Missed
	case <-first.gone:
	case <-ctx.Done():
		return false
	}
	return true
}

// Gone tells the reader that the stream holds nothing up to a sequence: what has not been handed out never will be. A reader that
// is busy is left alone, for it will notice.
func (r *Reader) Gone(upTo uint64) {
	if !r.dealing.TryLock() {
		return
	}
	defer r.dealing.Unlock()
	if upTo <= r.delivered.Sequence {
		return
	}
	if gap, first := r.had.Gap(upTo), r.slots[0].Load(); gap != nil && first != nil {
		select {
		case first.in <- Item{Gap: gap}:
			r.had.Missed = gap.Missed
		default:
			return
		}
	}
	r.last.Sequence = 0
	r.marking.Lock()
	defer r.marking.Unlock()
	r.delivered.Sequence = upTo
}
