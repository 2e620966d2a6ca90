package facts

import (
	"encoding/binary"
	"math/bits"

	"firstlight/pipeline/catalog"
)

// tail holds open events in canonical order. It stays encoded, so that adding the newest event and forgetting the oldest ones
// costs the same however many there are. An event is its time since the one before, with two bits that say what follows:
// the hash of its id, and the text that orders ties; and between them the selectors it matches.
type tail struct {
	n, text     int   // events, and bytes of text in them
	first, last int64 // times
	raw         []byte
	own         [2][]byte // what raw points to once it was changed, in turn
}

const (
	openID   = 1 << 0
	openText = 1 << 1
	openBits = 2
)

func (t *tail) reset() { t.n, t.text, t.first, t.last, t.raw = 0, 0, 0, 0, nil }

// relevant are the selectors that matter to a cohort: events are stored with these only, by their place in the list, so that
// they do not depend on the rest of the catalog.
type relevant struct {
	mask      catalog.Mask
	selectors []int
}

func (l *relevant) words() int { return (len(l.selectors) + 63) / 64 }

func (l *relevant) append(buf []byte, mask *catalog.Mask) []byte {
	var local catalog.Mask
	for i, s := range l.selectors {
		if mask.Has(s) {
			local.Set(i)
		}
	}
	for _, word := range local[:l.words()] {
		buf = binary.AppendUvarint(buf, word)
	}
	return buf
}

func (l *relevant) read(r *Reader) (mask catalog.Mask) {
	for w := range l.words() {
		word := r.Uint()
		for ; word != 0; word &= word - 1 {
			i := w*64 + bits.TrailingZeros64(word)
			if i >= len(l.selectors) {
				r.Fail()
				return mask
			}
			if s := l.selectors[i]; s >= 0 { // below: the catalog has it no more
				mask.Set(s)
			}
		}
	}
	return mask
}

// appendOpen writes an event that came a time after the one before it.
func (l *relevant) appendOpen(buf []byte, since int64, o *Open) []byte {
	head := uint64(since) << openBits
	if o.IDs != 0 {
		head |= openID
	}
	if o.ID != "" || o.Payload != "" {
		head |= openText
	}
	buf = binary.AppendUvarint(buf, head)
	if o.IDs != 0 {
		buf = binary.LittleEndian.AppendUint32(buf, o.IDs)
	}
	buf = l.append(buf, &o.Mask)
	if head&openText != 0 {
		buf = append(binary.AppendUvarint(buf, uint64(len(o.ID))), o.ID...)
		buf = append(binary.AppendUvarint(buf, uint64(len(o.Payload))), o.Payload...)
	}
	return buf
}

// readOpen reads an event, and the time since the one before it.
func (l *relevant) readOpen(r *Reader) (o Open, since int64) {
	head := r.Uint()
	if head&openID != 0 {
		if b := r.bytes(4); b != nil {
			o.IDs = binary.LittleEndian.Uint32(b)
		}
	}
	o.Mask = l.read(r)
	if head&openText != 0 {
		o.ID, o.Payload = r.View(), r.View()
	}
	return o, int64(head >> openBits)
}

// change returns a copy of raw[from:] with room for more.
func (t *tail) change(from int) []byte {
	out := append(t.own[0][:0], t.raw[from:]...)
	t.own[0], t.own[1] = t.own[1], out
	return out
}

// append adds an event that comes after all others.
func (t *tail) append(l *relevant, o *Open) {
	if t.n == 0 {
		t.first, t.last = o.Time, o.Time
	}
	t.raw = l.appendOpen(t.change(0), o.Time-t.last, o)
	t.own[1] = t.raw
	t.n, t.text, t.last = t.n+1, t.text+len(o.ID)+len(o.Payload), o.Time
}

// events returns all events. Their texts point into the tail.
func (t *tail) events(l *relevant) []Open {
	out := make([]Open, 0, t.n+1)
	r := Reader{buf: t.raw}
	at := t.first
	for i := range t.n {
		o, since := l.readOpen(&r)
		if i > 0 {
			at += since
		}
		o.Time = at
		out = append(out, o)
	}
	return out
}

// set replaces all events by others, in canonical order.
func (t *tail) set(l *relevant, events []Open) {
	buf := t.own[0][:0]
	t.n, t.text, t.first, t.last = len(events), 0, 0, 0
	if len(events) > 0 {
		t.first, t.last = events[0].Time, events[0].Time
	}
	for i := range events {
		o := &events[i]
		buf = l.appendOpen(buf, o.Time-t.last, o)
		t.last, t.text = o.Time, t.text+len(o.ID)+len(o.Payload)
	}
	t.raw, t.own[0], t.own[1] = buf, t.own[1], buf
}

// dropBefore forgets the events older than a time. It reports whether there were any.
func (t *tail) dropBefore(l *relevant, watermark int64) bool {
	if t.n == 0 || t.first >= watermark {
		return false
	}
	if t.last < watermark {
		t.reset()
		return true
	}
	r := Reader{buf: t.raw}
	for at := t.first; ; {
		o, _ := l.readOpen(&r)
		t.n, t.text = t.n-1, t.text-len(o.ID)-len(o.Payload)
		peek := Reader{buf: r.buf}
		if at += int64(peek.Uint() >> openBits); at >= watermark {
			t.first = at
			break
		}
	}
	t.raw = r.buf
	return true
}

func (t *tail) encode(w *Writer) {
	w.Uint(uint64(t.text))
	w.Time(t.first)
	w.Uint(uint64(t.last - t.first))
	w.bytes(t.raw)
}

// decode reads n events, which are the rest of the block.
func (t *tail) decode(r *Reader, n int, l *relevant) {
	t.n, t.text = n, int(r.Uint())
	t.first = r.Time()
	t.last = t.first + int64(r.Uint())
	t.raw = r.bytes(len(r.buf))
	if r.foreign && !t.valid(l) {
		r.Fail()
	}
}

// valid reports whether the bytes are a tail's.
func (t *tail) valid(l *relevant) bool {
	r := Reader{buf: t.raw}
	text, at := 0, t.first
	for i := range t.n {
		o, since := l.readOpen(&r)
		if since < 0 || r.bad {
			return false
		}
		if i > 0 {
			at += since
		}
		text += len(o.ID) + len(o.Payload)
	}
	return !r.bad && len(r.buf) == 0 && text == t.text && at == t.last && t.n > 0 && t.first > 0
}
