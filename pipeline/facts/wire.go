package facts

import (
	"encoding/binary"
	"unsafe"
)

// Writer writes the values of a block. Small numbers take one byte, a time its difference from the time before it.
type Writer struct {
	buf  []byte
	last int64
}

// timeOrigin is what the first time of a block is written relative to (ms): September 2020.
const timeOrigin = 1_600_000_000_000

func (w *Writer) start(buf []byte) { w.buf, w.last = buf, timeOrigin }

// Int writes a signed number.
func (w *Writer) Int(v int64) { w.buf = binary.AppendVarint(w.buf, v) }

// Uint writes a number.
func (w *Writer) Uint(v uint64) { w.buf = binary.AppendUvarint(w.buf, v) }

// Text writes a text.
func (w *Writer) Text(s string) {
	w.Uint(uint64(len(s)))
	w.buf = append(w.buf, s...)
}

// Time writes a time (ms), which may be 0 for "not yet".
func (w *Writer) Time(t int64) {
	if t == 0 {
		w.Uint(0)
		return
	}
	d := t - w.last
	w.last = t
	w.Uint((uint64(d<<1)^uint64(d>>63))<<1 | 1)
}

func (w *Writer) bytes(b []byte) { w.buf = append(w.buf, b...) }

// Reader reads what a Writer wrote. After an error it reads zeros, and the block counts as corrupt.
type Reader struct {
	buf     []byte
	last    int64
	bad     bool
	foreign bool // the bytes come from outside this process: everything is checked
}

func (r *Reader) start(buf []byte) { r.buf, r.last = buf, timeOrigin }

// Fail says that what was read cannot be.
func (r *Reader) Fail() { r.bad, r.buf = true, nil }

// More reports whether the block goes on.
func (r *Reader) More() bool { return len(r.buf) > 0 }

// Uint reads a number.
func (r *Reader) Uint() uint64 {
	if len(r.buf) > 0 && r.buf[0] < 0x80 {
		v := uint64(r.buf[0])
		r.buf = r.buf[1:]
		return v
	}
	v, n := binary.Uvarint(r.buf)
	if n <= 0 {
		r.Fail()
		return 0
	}
	r.buf = r.buf[n:]
	return v
}

// Int reads a signed number.
func (r *Reader) Int() int64 {
	v := r.Uint()
	return int64(v>>1) ^ -int64(v&1)
}

// Time reads a time, 0 for "not yet".
func (r *Reader) Time() int64 {
	v := r.Uint()
	if v == 0 {
		return 0
	}
	v >>= 1
	r.last += int64(v>>1) ^ -int64(v&1)
	return r.last
}

// Count reads how many of something follow, each of at least one byte.
func (r *Reader) Count() int {
	n := r.Uint()
	if n > uint64(len(r.buf)) {
		r.Fail()
		return 0
	}
	return int(n)
}

// View reads a text without copying it.
func (r *Reader) View() string {
	b := r.bytes(r.Count())
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Again reads a text, and returns old if it is the same: most users share few segment values.
func (r *Reader) Again(old string) string {
	b := r.bytes(r.Count())
	if string(b) != old {
		return string(b)
	}
	return old
}

// bytes reads n bytes without copying them.
func (r *Reader) bytes(n int) []byte {
	if n > len(r.buf) {
		r.Fail()
		return nil
	}
	b := r.buf[:n:n]
	r.buf = r.buf[n:]
	return b
}
