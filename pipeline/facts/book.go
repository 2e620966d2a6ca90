package facts

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"firstlight/pipeline/calendar"
)

// Book counts events per local day, and per local hour while hours of the day are not final.
//
// It stays encoded: days lie in chunks of chunkDays, so that what one event changes and looks at costs the same however long the
// book is. A chunk is its number (2 bytes), its length, and its days; a day is a byte of flags, the hours as bits, and the counts.
type Book struct {
	Last calendar.Day // newest day that left, 0 when there is none

	raw     []byte
	own     [2][]byte // what raw points to once it was changed, in turn
	scratch *scratch
}

const chunkDays = 16

// Day is one local day of a Book. It is there only if something happened on it.
type Day struct {
	Day    calendar.Day
	Hours  uint32 // bit i: the i-th local hour of the day (calendar.HourIn); none when hours are not told apart
	Events uint32 // of the whole day

	counts []uint32 // per hour of Hours; nil when each is 1
}

// At returns the events of one hour.
func (d *Day) At(hour int) uint32 {
	switch bit := uint32(1) << hour; {
	case d.Hours&bit == 0:
		return 0
	case d.counts == nil:
		return 1
	default:
		return d.counts[bits.OnesCount32(d.Hours&(bit-1))]
	}
}

// scratch is memory that the books of a Joiner share.
type scratch struct {
	days   []Day
	counts []uint32
	hours  [maxDayHours]uint32
	buf    []byte
}

// Empty reports whether nothing ever happened.
func (b *Book) Empty() bool { return b.Last == 0 && len(b.raw) == 0 }

// Reset empties the book.
func (b *Book) Reset() { b.Last, b.raw = 0, nil }

// Encode writes the book.
func (b *Book) Encode(w *Writer) {
	w.Uint(uint64(b.Last))
	w.Uint(uint64(len(b.raw)))
	w.bytes(b.raw)
}

// Decode reads a book, which points to the bytes read.
func (b *Book) Decode(r *Reader) {
	b.Last = calendar.Day(r.Uint())
	b.raw = r.bytes(r.Count())
	if r.foreign && !b.valid() {
		r.Fail()
	}
}

// chunk is where a chunk lies in raw.
type chunk struct {
	number   int
	from, to int // with its head
	body     []byte
}

func (b *Book) chunkAt(at int) chunk {
	number := int(binary.LittleEndian.Uint16(b.raw[at:]))
	size, n := uint64(b.raw[at+2]), 1
	if size >= 0x80 {
		size, n = binary.Uvarint(b.raw[at+2:])
	}
	body := at + 2 + n
	return chunk{number, at, body + int(size), b.raw[body : body+int(size)]}
}

// find returns the chunk of that number, or an empty one where it would be.
func (b *Book) find(number int) chunk {
	at := 0
	for at < len(b.raw) {
		c := b.chunkAt(at)
		if c.number == number {
			return c
		}
		if c.number > number {
			break
		}
		at = c.to
	}
	return chunk{number: number, from: at, to: at}
}

const (
	dayBits     = chunkDays - 1
	dayHours    = 1 << 4 // three bytes of hours follow
	dayLong     = 1 << 5 // a fourth follows: the clocks went back
	dayCounted  = 1 << 6 // counts follow, else each is 1
	daySame     = 1 << 7 // no hours follow: they are those of the day before it in the chunk
	shortHours  = 24
	maxDayHours = 32
)

// days appends the days of a chunk.
func (s *scratch) read(days []Day, c *chunk) []Day {
	hours := uint32(0) // of the day before
	for body := c.body; len(body) > 0; {
		flags := body[0]
		d := Day{Day: calendar.Day(c.number*chunkDays + int(flags&dayBits)), Events: 1}
		body = body[1:]
		if flags&dayHours != 0 {
			d.Hours = uint32(body[0]) | uint32(body[1])<<8 | uint32(body[2])<<16
			body = body[3:]
			if flags&dayLong != 0 {
				d.Hours |= uint32(body[0]) << shortHours
				body = body[1:]
			}
		}
		if flags&daySame != 0 {
			d.Hours = hours
		}
		if hours = d.Hours; hours != 0 {
			d.Events = uint32(bits.OnesCount32(hours))
		}
		if flags&dayCounted != 0 {
			body = s.readCounts(&d, body)
		}
		days = append(days, d)
	}
	return days
}

func (s *scratch) readCounts(d *Day, body []byte) []byte {
	if d.Hours == 0 {
		v, n := binary.Uvarint(body)
		d.Events = uint32(v)
		return body[n:]
	}
	from := len(s.counts)
	d.Events = 0
	for range bits.OnesCount32(d.Hours) {
		v, n := binary.Uvarint(body)
		s.counts, body = append(s.counts, uint32(v)), body[n:]
		d.Events += uint32(v)
	}
	d.counts = s.counts[from:len(s.counts):len(s.counts)]
	return body
}

// write writes a day of a chunk. before are the hours of the day before it there: who comes at all hours, or at the same ones, is told in
// a byte a day.
func write(buf []byte, d *Day, before uint32) []byte {
	flags := byte(int(d.Day) & dayBits)
	switch {
	case d.Hours == 0:
	case d.Hours == before:
		flags |= daySame
	case d.Hours>>shortHours != 0:
		flags |= dayHours | dayLong
	default:
		flags |= dayHours
	}
	counted := d.Events != uint32(max(1, bits.OnesCount32(d.Hours))) // each hour has at least one
	if counted {
		flags |= dayCounted
	}
	buf = append(buf, flags)
	if flags&dayHours != 0 {
		buf = append(buf, byte(d.Hours), byte(d.Hours>>8), byte(d.Hours>>16))
	}
	if flags&dayLong != 0 {
		buf = append(buf, byte(d.Hours>>shortHours))
	}
	switch {
	case !counted:
	case d.Hours == 0:
		buf = binary.AppendUvarint(buf, uint64(d.Events))
	default:
		for _, n := range d.counts {
			buf = binary.AppendUvarint(buf, uint64(n))
		}
	}
	return buf
}

// Days appends the days from one to another, both included, and the nearest day on each side of them. They are valid
// until a book of the same user changes.
func (b *Book) Days(days []Day, from, to calendar.Day) []Day {
	first, last := 0, len(b.raw)
	before := -1 // of the chunk before the one that may hold from
	for at := 0; at < len(b.raw); {
		c := b.chunkAt(at)
		if c.number < int(from)/chunkDays {
			before = at
		}
		if c.number > int(to)/chunkDays {
			last = c.to
			break
		}
		at = c.to
	}
	if before >= 0 {
		first = before
	}
	start := len(days)
	for at := first; at < last; {
		c := b.chunkAt(at)
		days = b.scratch.read(days, &c)
		at = c.to
	}
	// Leave out what is farther away than the nearest on each side.
	head := start
	for head+1 < len(days) && days[head+1].Day < from {
		head++
	}
	days = slices.Delete(days, start, head)
	for len(days) >= start+2 && days[len(days)-2].Day > to {
		days = days[:len(days)-1]
	}
	return days
}

// Has reports whether something happened in that hour; on that day when hour is negative.
func (b *Book) Has(day calendar.Day, hour int) bool {
	c := b.find(int(day) / chunkDays)
	b.scratch.counts = b.scratch.counts[:0]
	b.scratch.days = b.scratch.read(b.scratch.days[:0], &c)
	for i := range b.scratch.days {
		if d := &b.scratch.days[i]; d.Day == day {
			return hour < 0 || d.Hours&(1<<hour) != 0
		}
	}
	return false
}

// Add counts n more events in an hour, or on a day as a whole when hour is negative; a negative n takes them back. It
// reports whether the day is new.
func (b *Book) Add(day calendar.Day, hour, n int) (isNew bool) {
	s := b.scratch
	c := b.find(int(day) / chunkDays)
	s.counts = s.counts[:0]
	s.days = s.read(s.days[:0], &c)
	at, found := slices.BinarySearchFunc(s.days, day, func(d Day, day calendar.Day) int { return int(d.Day - day) })
	if !found {
		s.days = slices.Insert(s.days, at, Day{Day: day})
	}
	d := &s.days[at]
	s.add(d, hour, n)
	if d.Events == 0 {
		s.days = slices.Delete(s.days, at, at+1)
	}
	b.replace(&c, s.days)
	return !found
}

// add counts n more events in an hour of a day. A day that is counted as a whole stays so.
func (s *scratch) add(d *Day, hour, n int) {
	whole := d.Hours == 0 && d.Events > 0
	d.Events = uint32(max(0, int(d.Events)+n))
	if hour < 0 || whole {
		return
	}
	bit := uint32(1) << hour
	if d.Hours&bit == 0 && d.counts == nil && n == 1 {
		d.Hours |= bit
		return
	}
	for h := range maxDayHours {
		s.hours[h] = d.At(h)
	}
	s.hours[hour] = uint32(max(0, int(s.hours[hour])+n))
	from := len(s.counts)
	d.Hours = 0
	for h, events := range s.hours {
		if events > 0 {
			d.Hours |= 1 << h
			s.counts = append(s.counts, events)
		}
	}
	d.counts = s.counts[from:]
}

// Mark takes note that something happened in an hour, or on a day. It reports whether that changed the book, and whether the
// day is new.
func (b *Book) Mark(day calendar.Day, hour int) (changed, isNew bool) {
	if b.Has(day, hour) {
		return false, false
	}
	return true, b.Add(day, hour, 1)
}

// replace writes days in the place of a chunk.
func (b *Book) replace(c *chunk, days []Day) {
	body := b.scratch.buf[:0]
	before := uint32(0)
	for i := range days {
		body = write(body, &days[i], before)
		before = days[i].Hours
	}
	b.scratch.buf = body
	out := append(b.own[0][:0], b.raw[:c.from]...)
	if len(body) > 0 {
		out = binary.LittleEndian.AppendUint16(out, uint16(c.number))
		out = binary.AppendUvarint(out, uint64(len(body)))
		out = append(out, body...)
	}
	out = append(out, b.raw[c.to:]...)
	b.raw, b.own[0], b.own[1] = out, b.own[1], out
}

// prune forgets the days that leave says nobody asks for any more, and tells the hours of final days apart no more. Both
// hold for all days before one for which they hold.
func (b *Book) prune(final, leaves func(calendar.Day) bool) {
	for at := 0; at < len(b.raw); {
		c := b.chunkAt(at)
		b.scratch.counts = b.scratch.counts[:0]
		b.scratch.days = b.scratch.read(b.scratch.days[:0], &c)
		days := b.scratch.days
		newest := days[len(days)-1].Day
		gone, changed := 0, false
		for gone < len(days) && leaves(days[gone].Day) {
			b.Last = days[gone].Day
			gone++
		}
		for i := gone; i < len(days) && final(days[i].Day); i++ {
			changed = changed || days[i].Hours != 0
			days[i].Hours, days[i].counts = 0, nil
		}
		if gone > 0 || changed {
			size := len(b.raw)
			b.replace(&c, days[gone:])
			c.to += len(b.raw) - size
		}
		if !final(newest) {
			return
		}
		at = c.to
	}
}

// valid reports whether the bytes are a book's.
func (b *Book) valid() bool {
	before := -1
	for at := 0; at < len(b.raw); {
		if len(b.raw)-at < 4 {
			return false
		}
		size, n := binary.Uvarint(b.raw[at+2:])
		if n <= 0 || size == 0 || size > uint64(len(b.raw)-at-2-n) {
			return false
		}
		c := b.chunkAt(at)
		if c.number <= before || !validDays(c.body) {
			return false
		}
		before, at = c.number, c.to
	}
	return true
}

func validDays(body []byte) bool {
	hours := 0 // how many the day before has
	for before := -1; len(body) > 0; {
		flags, size, counts := body[0], 1, 1
		if int(flags&dayBits) <= before || flags&(dayHours|dayLong) == dayLong || flags&daySame != 0 && (hours == 0 || flags&dayHours != 0) {
			return false
		}
		before = int(flags & dayBits)
		if flags&dayHours != 0 {
			size = 4 + int(flags&dayLong)/dayLong
			if len(body) < size {
				return false
			}
			counts = 0
			for _, hours := range body[1:size] {
				counts += bits.OnesCount8(hours)
			}
			if counts == 0 {
				return false
			}
			hours = counts
		}
		switch {
		case flags&daySame != 0:
			counts = hours
		case flags&dayHours == 0:
			hours = 0
		}
		body = body[size:]
		if flags&dayCounted == 0 {
			continue
		}
		for range counts {
			v, n := binary.Uvarint(body)
			if n <= 0 || v == 0 || v > 1<<31 {
				return false
			}
			body = body[n:]
		}
	}
	return true
}
