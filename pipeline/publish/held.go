package publish

// Which events the stream holds already, found by their ids. Both lists of ids, the stream's and the files', are sorted by
// the ids' hashes and compared, on disk where they are many: memory does not grow with either.

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/bits"
	"time"

	"firstlight/pipeline/stream"
)

// sieve collects ids.
type sieve struct{ sorter *sorter }

func newSieve(dir string, limit int) *sieve { return &sieve{newSorter(dir, limit)} }

func (s *sieve) close() { s.sorter.close() }

// inStream adds an id that the stream holds.
func (s *sieve) inStream(id string) error {
	first, second := hashID(id)
	return s.sorter.add(&Message{Received: first, Data: second})
}

// inFiles adds the id of the event with a number.
func (s *sieve) inFiles(id string, number uint64) error {
	first, second := hashID(id)
	return s.sorter.add(&Message{Received: first, Data: binary.LittleEndian.AppendUint64(second, number)})
}

// hashID is the 128-bit FNV-1a hash of an id: of 100 million ids two collide with a probability of 10⁻²³.
func hashID(id string) (first int64, second []byte) {
	h := fnv.New128a()
	h.Write([]byte(id))
	sum := h.Sum(nil)
	return int64(binary.LittleEndian.Uint64(sum)), sum[8:]
}

// held returns the numbers of the events that the stream holds. The stream's ids must have been added first: of equal
// hashes they then come first.
func (s *sieve) held() (numbers, error) {
	var out numbers
	first, inStream := int64(0), map[string]bool{} // second halves of the stream's ids
	err := s.sorter.each(func(m *Message) error {
		if m.Received != first {
			first = m.Received
			clear(inStream)
		}
		const half = 8
		switch {
		case len(m.Data) == half:
			inStream[string(m.Data)] = true
		case inStream[string(m.Data[:half])]:
			out.add(binary.LittleEndian.Uint64(m.Data[half:]))
		}
		return nil
	})
	return out, err
}

// numbers is a set of small numbers, one bit each.
type numbers []uint64

func (s *numbers) add(n uint64) {
	for uint64(len(*s)) <= n/64 {
		*s = append(*s, 0)
	}
	(*s)[n/64] |= 1 << (n % 64)
}

func (s numbers) has(n uint64) bool { return n/64 < uint64(len(s)) && s[n/64]&(1<<(n%64)) != 0 }

// count is how many numbers there are.
func (s numbers) count() (n uint64) {
	for _, word := range s {
		n += uint64(bits.OnesCount64(word))
	}
	return n
}

// holdings is what a run must know of the stream before it publishes.
type holdings struct {
	sieve    *sieve
	clocks   []int64       // the arrival clock of each partition, ms
	lateness time.Duration // the catalog's
	unknown  error         // why that is not known; then none is allowed
	suspects bool          // some events of the run lie before a watermark
}

func (h *holdings) close() { h.sieve.close() }

// late reports by how much an event lies before its partition's clock, when that makes it late. One that was received so long
// after it happened that it would be late in an empty stream too is not the stream's concern.
func (h *holdings) late(m *Message) (behind time.Duration, late bool) {
	allowed := h.lateness.Milliseconds()
	clock := h.clocks[stream.Partition(m.Subject, len(h.clocks))]
	if m.Time == 0 || m.Time >= clock-allowed || m.Time < m.Received-allowed {
		return 0, false
	}
	return time.Duration(clock-m.Time) * time.Millisecond, true
}

// see looks at an event of the run.
func (h *holdings) see(m *Message) {
	if _, late := h.late(m); late {
		h.suspects = true
	}
}

// check refuses a run of which events would be late only because of what the stream holds already.
func (h *holdings) check(s *sorter, held numbers) error {
	if !h.suspects {
		return nil
	}
	late, first, behind := uint64(0), int64(0), time.Duration(0)
	err := s.each(func(m *Message) error {
		by, isLate := h.late(m)
		if !isLate || held.has(m.Number) {
			return nil
		}
		if late++; first == 0 || m.Time < first {
			first = m.Time
		}
		behind = max(behind, by)
		return nil
	})
	if err != nil || late == 0 {
		return err
	}
	if h.unknown != nil {
		return fmt.Errorf("%w: the stream holds newer events than %s of this run (the first is of %s), and it is not known how late events may be: set FIRSTLIGHT_CATALOG: %w",
			ErrLate, events(late), rfc3339(first), h.unknown)
	}
	const day = 24 * time.Hour
	needed := (behind + day - time.Millisecond) / day
	return fmt.Errorf("%w: the stream holds newer events, so %s of this run, the first of %s, would be late. Nothing was published: set allowed_lateness to %dd or more "+
		"in the catalog and run --rebuild, or import everything in one run into an empty stream", ErrLate, events(late), rfc3339(first), needed)
}
