package facts

import (
	"encoding/binary"
	"errors"
	"fmt"
	"unsafe"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// encodingVersion is the first byte of every encoded user.
const encodingVersion = 1

// ErrCorrupt is returned for bytes that are no user of the Joiner's catalog.
var ErrCorrupt = errors.New("stored facts cannot be read (start with --rebuild to recompute them)")

// Encode appends a user's facts to buf. Times are written as differences, small numbers in one byte.
func (u *User) Encode(buf []byte) []byte {
	w := writer{buf: append(buf, encodingVersion)}
	w.int(u.LastSeen)
	for i := range u.Cohorts {
		w.cohort(&u.Cohorts[i], u.LastSeen)
	}
	for i := range u.Metrics {
		w.metric(&u.Metrics[i], u.LastSeen)
	}
	return w.buf
}

type writer struct{ buf []byte }

func (w *writer) int(v int64)   { w.buf = binary.AppendVarint(w.buf, v) }
func (w *writer) uint(v uint64) { w.buf = binary.AppendUvarint(w.buf, v) }
func (w *writer) text(s string) {
	w.uint(uint64(len(s)))
	w.buf = append(w.buf, s...)
}

// time writes a time that may be 0, relative to base.
func (w *writer) time(t, base int64) {
	if t == 0 {
		w.uint(0)
		return
	}
	d := t - base
	w.uint((uint64(d<<1)^uint64(d>>63))<<1 | 1)
}

const (
	flagEntered = 1 << iota
	flagSettled
	flagOpen
)

func (w *writer) cohort(c *Cohort, base int64) {
	var flags uint64
	if c.Entered() {
		flags |= flagEntered
	}
	if c.Settled {
		flags |= flagSettled
	}
	if len(c.Open) > 0 {
		flags |= flagOpen
	}
	w.uint(flags)
	if c.Entered() {
		w.time(c.Entry, base)
		for _, s := range c.Segments {
			w.text(s)
		}
	}
	if len(c.Open) == 0 {
		return
	}
	w.uint(uint64(len(c.Open)))
	for i := range c.Open {
		o := &c.Open[i]
		w.int(o.Time - base)
		base = o.Time
		w.uint(o.IDs)
		w.mask(&o.Mask)
		w.text(o.ID)
		w.text(o.Payload)
	}
}

func (w *writer) mask(m *catalog.Mask) {
	n := len(m)
	for n > 0 && m[n-1] == 0 {
		n--
	}
	w.uint(uint64(n))
	for _, word := range m[:n] {
		w.uint(word)
	}
}

const (
	flagSteps = 1 << iota
	flagSequence
	flagUse
)

func (w *writer) metric(m *Metric, base int64) {
	var flags uint64
	for i := range m.Steps {
		if s := &m.Steps[i]; s.Reached != 0 || s.Taken > 0 || len(s.Times) > 0 {
			flags |= flagSteps
		}
	}
	if q := &m.Sequence; len(q.Reached) > 0 || q.Taken > 0 || len(q.Open) > 0 {
		flags |= flagSequence
	}
	if m.Use.FirstEver != 0 || !m.Use.Before.empty() || !m.Use.After.empty() {
		flags |= flagUse
	}
	w.uint(flags)
	if flags&flagSteps != 0 {
		for i := range m.Steps {
			w.step(&m.Steps[i], base)
		}
	}
	if flags&flagSequence != 0 {
		w.sequence(&m.Sequence, base)
	}
	if flags&flagUse != 0 {
		w.time(m.Use.FirstEver, base)
		w.book(&m.Use.Before)
		w.book(&m.Use.After)
	}
}

func (b *Book) empty() bool {
	return len(b.Hours) == 0 && len(b.Days) == 0 && b.LastActive == 0 && b.LastFeature == 0
}

func (w *writer) step(s *Step, base int64) {
	w.time(s.Reached, base)
	if s.Reached != 0 {
		return
	}
	w.uint(uint64(s.Taken))
	w.times(s.Times, base)
}

func (w *writer) times(ts []int64, base int64) {
	w.uint(uint64(len(ts)))
	for _, t := range ts {
		w.int(t - base)
		base = t
	}
}

func (w *writer) sequence(s *Sequence, base int64) {
	w.times(s.Reached, base)
	w.uint(uint64(s.Taken))
	w.uint(uint64(len(s.Open)))
	for i := range s.Open {
		c := &s.Open[i]
		w.int(c.Time - base)
		w.uint(c.Steps)
		w.text(c.ID)
		w.text(c.Payload)
	}
}

func (w *writer) book(b *Book) {
	w.uint(uint64(b.LastActive))
	w.uint(uint64(b.LastFeature))
	w.uint(uint64(len(b.Hours)))
	var base int64
	for _, h := range b.Hours {
		w.int(h.Start - base)
		w.uint(uint64(h.Events))
		base = h.Start
	}
	w.uint(uint64(len(b.Days)))
	base = 0
	for _, d := range b.Days {
		w.int(int64(d.Day) - base)
		w.uint(uint64(d.Events))
		base = int64(d.Day)
	}
}

// Decode reads encoded facts into u, which NewUser made for the same catalog; its memory is reused, and nothing
// of what it held before stays. Texts of open events point into buf, which must not change while u is in use.
func (u *User) Decode(buf []byte) error {
	r := reader{buf: buf}
	if r.byte() != encodingVersion {
		return fmt.Errorf("%w: unknown encoding", ErrCorrupt)
	}
	u.LastSeen = r.int()
	for i := range u.Cohorts {
		r.cohort(&u.Cohorts[i], u.LastSeen)
	}
	for i := range u.Metrics {
		r.metric(&u.Metrics[i], u.LastSeen)
	}
	if r.bad || len(r.buf) != 0 {
		return fmt.Errorf("%w: %d bytes, %d left", ErrCorrupt, len(buf), len(r.buf))
	}
	return nil
}

// reader reads what writer wrote; after an error it reads zeros and bad is set.
type reader struct {
	buf []byte
	bad bool
}

func (r *reader) byte() byte {
	if len(r.buf) == 0 {
		r.bad = true
		return 0
	}
	b := r.buf[0]
	r.buf = r.buf[1:]
	return b
}

func (r *reader) uint() uint64 {
	if len(r.buf) > 0 && r.buf[0] < 0x80 {
		v := uint64(r.buf[0])
		r.buf = r.buf[1:]
		return v
	}
	v, n := binary.Uvarint(r.buf)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

func (r *reader) int() int64 {
	v := r.uint()
	return int64(v>>1) ^ -int64(v&1)
}

func (r *reader) fail() {
	r.bad, r.buf = true, nil
}

// count reads a length that cannot exceed the bytes left.
func (r *reader) count() int {
	n := r.uint()
	if n > uint64(len(r.buf)) {
		r.fail()
		return 0
	}
	return int(n)
}

// view reads a text without copying it.
func (r *reader) view() string {
	n := r.count()
	if n == 0 {
		return ""
	}
	s := unsafe.String(&r.buf[0], n)
	r.buf = r.buf[n:]
	return s
}

// again reads a text, and returns old if it is the same: most users share few segment values.
func (r *reader) again(old string) string {
	n := r.count()
	if string(r.buf[:n]) != old {
		old = string(r.buf[:n])
	}
	r.buf = r.buf[n:]
	return old
}

func (r *reader) time(base int64) int64 {
	v := r.uint()
	if v == 0 {
		return 0
	}
	v >>= 1
	return base + (int64(v>>1) ^ -int64(v&1))
}

func (r *reader) cohort(c *Cohort, base int64) {
	flags := r.uint()
	c.Entry, c.Settled, c.Open = 0, flags&flagSettled != 0, c.Open[:0]
	if flags&flagEntered != 0 {
		c.Entry = r.time(base)
		for i := range c.Segments {
			c.Segments[i] = r.again(c.Segments[i])
		}
	}
	if flags&flagOpen == 0 {
		return
	}
	for range r.count() {
		o := Open{Time: base + r.int()}
		base = o.Time
		o.IDs = r.uint()
		r.mask(&o.Mask)
		o.ID, o.Payload = r.view(), r.view()
		c.Open = append(c.Open, o)
	}
}

func (r *reader) mask(m *catalog.Mask) {
	n := r.count()
	if n > len(m) {
		r.fail()
		return
	}
	for i := range n {
		m[i] = r.uint()
	}
}

func (r *reader) metric(m *Metric, base int64) {
	flags := r.uint()
	for i := range m.Steps {
		s := &m.Steps[i]
		s.Reached, s.Taken, s.Times = 0, 0, s.Times[:0]
		if flags&flagSteps != 0 {
			r.step(s, base)
		}
	}
	q := &m.Sequence
	q.Reached, q.Taken, q.Open = q.Reached[:0], 0, q.Open[:0]
	if flags&flagSequence != 0 {
		r.sequence(q, base)
	}
	m.Use.FirstEver = 0
	m.Use.Before.reset()
	m.Use.After.reset()
	if flags&flagUse != 0 {
		m.Use.FirstEver = r.time(base)
		r.book(&m.Use.Before)
		r.book(&m.Use.After)
	}
}

func (r *reader) step(s *Step, base int64) {
	s.Reached = r.time(base)
	if s.Reached != 0 {
		return
	}
	s.Taken = int(r.uint())
	s.Times = r.times(s.Times, base)
}

func (r *reader) times(into []int64, base int64) []int64 {
	for range r.count() {
		base += r.int()
		into = append(into, base)
	}
	return into
}

func (r *reader) sequence(s *Sequence, base int64) {
	s.Reached = r.times(s.Reached, base)
	s.Taken = int(r.uint())
	for range r.count() {
		c := Candidate{Time: base + r.int(), Steps: r.uint()}
		c.ID, c.Payload = r.view(), r.view()
		s.Open = append(s.Open, c)
	}
}

func (b *Book) reset() {
	b.Hours, b.Days, b.LastActive, b.LastFeature = b.Hours[:0], b.Days[:0], 0, 0
}

func (r *reader) book(b *Book) {
	b.LastActive, b.LastFeature = calendar.Day(r.uint()), calendar.Day(r.uint())
	var base int64
	for range r.count() {
		base += r.int()
		b.Hours = append(b.Hours, Hour{Start: base, Events: uint32(r.uint())})
	}
	base = 0
	for range r.count() {
		base += r.int()
		b.Days = append(b.Days, Day{Day: calendar.Day(base), Events: uint32(r.uint())})
	}
}
