package facts

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrCorrupt is returned for bytes that are no user.
var ErrCorrupt = errors.New("stored facts cannot be read (start with --rebuild to recompute them)")

// User is one user that is open: its header, and its blocks, each decoded when it is asked for. A Joiner's users differ only in
// what they hold, so one is opened again and again.
type User struct {
	LastSeen int64  // largest event time
	Sequence uint64 // stream sequence of the last event joined

	// openUntil is a time that no open event is later than, 0 when there is none.
	openUntil int64

	header []byte // in the bytes that were opened

	joiner     *Joiner
	cohorts    []Cohort
	activities []Activity
	metrics    []State
	exclusion  exclusion
	slots      []slot // of all cohorts, activities and metrics, and of the exclusion, in this order
	writer     Writer
	reader     Reader
}

// slot is one block of the open user.
type slot struct {
	block   Block
	raw     []byte // as it is encoded; empty for a block of which nothing is known
	decoded bool
	changed bool
}

// NewUser returns the facts of a user of whom nothing is known.
func (j *Joiner) NewUser() *User {
	u := &User{
		joiner: j, cohorts: make([]Cohort, len(j.Catalog.Cohorts)), activities: make([]Activity, len(j.activities)), metrics: make([]State, len(j.Catalog.Metrics)),
	}
	for i := range u.cohorts {
		co := &j.Catalog.Cohorts[i]
		u.cohorts[i] = Cohort{Segments: make([]string, len(co.Segments)), entry: co.Entry, sighting: co.FirstSeen, relevant: &j.relevant[i]}
		u.slots = append(u.slots, slot{block: &u.cohorts[i], decoded: true})
	}
	for i, a := range j.activities {
		u.activities[i] = Activity{Before: j.NewBook(), After: j.NewBook(), cohort: a.cohort, selector: a.selector}
		u.slots = append(u.slots, slot{block: &u.activities[i], decoded: true})
	}
	for i := range u.metrics {
		u.metrics[i] = j.newState(i)
		u.slots = append(u.slots, slot{block: u.metrics[i], decoded: true})
	}
	u.slots = append(u.slots, slot{block: &u.exclusion, decoded: true})
	return u
}

// Cohort returns the user's relation to the i-th cohort.
func (u *User) Cohort(i int) *Cohort {
	u.decode(i)
	return &u.cohorts[i]
}

// CohortOf returns the user's relation to the cohort of the i-th metric.
func (u *User) CohortOf(metric int) *Cohort { return u.Cohort(u.joiner.Catalog.Metrics[metric].Cohort) }

// Activity returns the i-th shared activity; see Joiner.Share.
func (u *User) Activity(i int) *Activity {
	u.decode(len(u.cohorts) + i)
	return &u.activities[i]
}

// Metric returns the state of the i-th metric.
func (u *User) Metric(i int) State {
	u.decode(u.slotOf(i))
	return u.metrics[i]
}

func (u *User) slotOf(metric int) int { return len(u.cohorts) + len(u.activities) + metric }

func (u *User) decode(slot int) {
	s := &u.slots[slot]
	if s.decoded {
		return
	}
	if !u.read(s, false) {
		panic("BUG: facts that were readable before")
	}
}

// read decodes a block. What is foreign is checked.
func (u *User) read(s *slot, foreign bool) bool {
	s.decoded = true
	s.block.Reset()
	if len(s.raw) == 0 {
		return true
	}
	r := &u.reader
	r.bad, r.foreign = false, foreign
	r.start(s.raw)
	s.block.Decode(r)
	return !r.bad && len(r.buf) == 0
}

// clear makes the user one of whom nothing is known.
func (u *User) clear() {
	u.LastSeen, u.Sequence, u.openUntil, u.header = 0, 0, 0, nil
	for i := range u.slots {
		s := &u.slots[i]
		s.raw, s.decoded, s.changed = nil, false, false
	}
}

// Append appends the user to buf as Open reads it: in the form of this process, which knows the blocks by their place.
func (u *User) Append(buf []byte) []byte {
	buf = u.appendHeader(buf)
	for i := range u.slots {
		if block := u.encoded(i); len(block) > 0 {
			buf = binary.AppendUvarint(buf, uint64(i))
			buf = binary.AppendUvarint(buf, uint64(len(block)))
			buf = append(buf, block...)
		}
	}
	return buf
}

func (u *User) appendHeader(buf []byte) []byte {
	w := Writer{}
	w.start(buf)
	w.Time(u.LastSeen)
	w.Time(u.openUntil)
	w.Uint(u.Sequence)
	return w.buf
}

func (u *User) readHeader(r *Reader) {
	u.LastSeen, u.openUntil, u.Sequence = r.Time(), r.Time(), r.Uint()
}

// encoded returns a block's bytes, valid until the next call.
func (u *User) encoded(slot int) []byte {
	s := &u.slots[slot]
	if !s.changed {
		return s.raw
	}
	u.writer.start(u.writer.buf[:0])
	s.block.Encode(&u.writer)
	return u.writer.buf
}

// Open reads what Append wrote. The user points into buf, which must not change while it is in use.
func (u *User) Open(buf []byte) {
	u.clear()
	r := Reader{}
	r.start(buf)
	u.readHeader(&r)
	u.header = buf[:len(buf)-len(r.buf)]
	for len(r.buf) > 0 {
		i := int(r.Uint())
		u.slots[i].raw = r.bytes(r.Count())
	}
}

// Patch writes the user into the bytes that it was opened from, where an event changed nothing but the header: most do. It reports false
// where the user is to be appended.
func (u *User) Patch() bool {
	for i := range u.slots {
		if u.slots[i].changed {
			return false
		}
	}
	u.writer.buf = u.appendHeader(u.writer.buf[:0])
	return len(u.writer.buf) == len(u.header) && copy(u.header, u.writer.buf) > 0
}

// SequenceOf returns the Sequence of a user as Append wrote it.
func SequenceOf(buf []byte) uint64 {
	r := Reader{}
	r.start(buf)
	r.Time()
	r.Time()
	return r.Uint()
}

// IsBlank reports whether a user as Append wrote it is one of whom nothing is known: it has no event.
func IsBlank(buf []byte) bool {
	r := Reader{}
	r.start(buf)
	return r.Time() == 0
}

// Told reports whether a user as it is stored is one of whom something is known, as far as its first bytes tell.
func Told(buf []byte) bool {
	switch {
	case len(buf) == 0:
		return false
	case buf[0] == keysVersion:
		return !IsBlank(buf[1:])
	default:
		return buf[0] == layoutVersion && len(buf) > layoutHead && !IsBlank(buf[layoutHead:])
	}
}

// NewestOpen returns a time that no event that is not settled is later than, 0 when all are.
func (u *User) NewestOpen() int64 { return u.openUntil }

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}
