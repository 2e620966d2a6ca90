package clickhouse

import (
	"encoding/binary"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"
)

// Rows of which a flush has many are written as blocks in ClickHouse's Native format: clickhouse-go would box each value and grow
// each column.

// blockColumn is a column of blocks that are made of parts, the rows of one partition each.
type blockColumn[R any] struct {
	name, of string // of: ClickHouse's type
	write    func(b *block, parts []R)
}

// block is the bytes of one, and what its columns are made with.
type block struct {
	buf   []byte
	words map[string]uint32
	keys  []uint32
	maps  []*encodedMap
}

// part is rows that a block takes some of.
type part[R any] interface {
	Len() int
	Slice(from, to int) R
}

// blockRows is how many rows a block gets: enough that its header is nothing, and so few that it stays small.
const blockRows = 4096

// blocks gives out rows as blocks, each made when the one before is read, in the same memory.
type blocks[R part[R]] struct {
	*block
	columns []blockColumn[R]
	parts   []R
	rest    []byte // of buf
	mu      sync.Mutex
	stopped bool
}

// stop has nothing be read any more: an HTTP client may go on reading what it sends for a moment after it has returned.
func (b *blocks[R]) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
}

// Read makes it an io.Reader.
func (b *blocks[R]) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.stopped {
		return 0, io.ErrClosedPipe
	}
	if len(b.rest) == 0 {
		parts := b.next()
		if len(parts) == 0 {
			return 0, io.EOF
		}
		b.encode(parts)
		b.rest = b.buf
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// next takes the rows of a block.
func (b *blocks[R]) next() (parts []R) {
	for left := blockRows; left > 0 && len(b.parts) > 0; {
		r := b.parts[0]
		n := min(left, r.Len())
		if n > 0 {
			parts = append(parts, r.Slice(0, n))
		}
		if left -= n; n == r.Len() {
			b.parts = b.parts[1:]
		} else {
			b.parts[0] = r.Slice(n, r.Len())
		}
	}
	return parts
}

func (b *blocks[R]) encode(parts []R) {
	b.buf = binary.AppendUvarint(b.buf[:0], uint64(len(b.columns)))
	b.buf = binary.AppendUvarint(b.buf, uint64(rowsOf(parts)))
	for i := range b.columns {
		c := &b.columns[i]
		b.buf = appendText(appendText(b.buf, c.name), c.of)
		if strings.HasPrefix(c.of, lowCardinality) {
			b.buf = binary.LittleEndian.AppendUint64(b.buf, sharedDictionary)
		}
		c.write(b.block, parts)
	}
}

func rowsOf[R part[R]](parts []R) (n int) {
	for _, r := range parts {
		n += r.Len()
	}
	return n
}

func appendText(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// How values are written.
var (
	put8    = func(buf []byte, v uint8) []byte { return append(buf, v) }
	put16   = binary.LittleEndian.AppendUint16
	put32   = binary.LittleEndian.AppendUint32
	put64   = binary.LittleEndian.AppendUint64
	putInt  = func(buf []byte, v int64) []byte { return put64(buf, uint64(v)) }
	putDate = func(buf []byte, t time.Time) []byte { return put16(buf, uint16(t.Unix()/secondsPerDay)) }
	putTime = func(buf []byte, t time.Time) []byte { return put32(buf, uint32(t.Unix())) }
	putText = appendText
	putBool = func(buf []byte, v bool) []byte {
		if v {
			return append(buf, 1)
		}
		return append(buf, 0)
	}
)

const secondsPerDay = 24 * 60 * 60

// values is a column with a value a row.
func values[R, T any](of func(R) []T, put func([]byte, T) []byte) func(*block, []R) {
	return func(b *block, parts []R) {
		for _, r := range parts {
			for _, v := range of(r) {
				b.buf = put(b.buf, v)
			}
		}
	}
}

// same is a column whose value is that of the part.
func same[R part[R], T any](of func(R) T, put func([]byte, T) []byte) func(*block, []R) {
	return func(b *block, parts []R) {
		for _, r := range parts {
			v := of(r)
			for range r.Len() {
				b.buf = put(b.buf, v)
			}
		}
	}
}

// lists is a column with a list a row: where each ends, then the values of all.
func lists[R, T any](of func(R) [][]T, put func([]byte, T) []byte) func(*block, []R) {
	return func(b *block, parts []R) {
		end := uint64(0)
		for _, r := range parts {
			for _, list := range of(r) {
				end += uint64(len(list))
				b.buf = put64(b.buf, end)
			}
		}
		for _, r := range parts {
			for _, list := range of(r) {
				for _, v := range list {
					b.buf = put(b.buf, v)
				}
			}
		}
	}
}

// listsOfLists is a column with a list of lists a row.
func listsOfLists[R, T any](of func(R) [][][]T, put func([]byte, T) []byte) func(*block, []R) {
	return func(b *block, parts []R) {
		end := uint64(0)
		var inner [][]T
		for _, r := range parts {
			for _, list := range of(r) {
				end += uint64(len(list))
				b.buf = put64(b.buf, end)
				inner = append(inner, list...)
			}
		}
		lists(func(all [][]T) [][]T { return all }, put)(b, [][][]T{inner})
	}
}

// A column of few texts is a dictionary, and a key a row.
const (
	lowCardinality   = "LowCardinality("
	sharedDictionary = 1      // the form of the keys
	ownKeys          = 3 << 9 // the dictionary stands before the keys, and takes the place of one before
	keys8, keys32    = 0, 2   // how long a key is
	most8            = 1 << 8 // keys of a byte
	lowString        = lowCardinality + "String)"
	textsOfSegments  = "Array(Map(String, String))"
	dateTime         = "DateTime('UTC')"
)

// words is a column of few texts, which mostly are as in the row before.
func words[R any](of func(R) []string) func(*block, []R) {
	return func(b *block, parts []R) {
		if b.words == nil {
			b.words = map[string]uint32{}
		}
		clear(b.words)
		b.words[""] = 0
		b.keys = b.keys[:0]
		dictionary := []string{""}
		last, key := "", uint32(0)
		for _, r := range parts {
			for _, text := range of(r) {
				if text != last {
					var known bool
					if key, known = b.words[text]; !known {
						key = uint32(len(dictionary))
						b.words[text] = key
						dictionary = append(dictionary, text)
					}
					last = text
				}
				b.keys = append(b.keys, key)
			}
		}
		b.putWords(dictionary)
	}
}

func (b *block) putWords(dictionary []string) {
	size := uint64(keys32)
	if len(dictionary) <= most8 {
		size = keys8
	}
	b.buf = put64(put64(b.buf, ownKeys|size), uint64(len(dictionary)))
	for _, text := range dictionary {
		b.buf = appendText(b.buf, text)
	}
	b.buf = put64(b.buf, uint64(len(b.keys)))
	for _, key := range b.keys {
		if size == keys8 {
			b.buf = append(b.buf, byte(key))
		} else {
			b.buf = put32(b.buf, key)
		}
	}
}

// encodedMap is a map's keys, sorted, so that equal maps are equal rows: ClickHouse compares and groups maps pair by pair. And its
// values in that order.
type encodedMap struct {
	n            int
	keys, values []byte
}

func encodeMap(m map[string]string) *encodedMap {
	e := &encodedMap{n: len(m)}
	for _, k := range slices.Sorted(maps.Keys(m)) {
		e.keys, e.values = appendText(e.keys, k), appendText(e.values, m[k])
	}
	return e
}

// listsOfMaps is a column with a list of maps a row. Many rows share a map, which is encoded once.
func listsOfMaps[R any](of func(R) [][]map[string]string) func(*block, []R) {
	return func(b *block, parts []R) {
		known := map[unsafe.Pointer]*encodedMap{}
		b.maps = b.maps[:0]
		for _, r := range parts {
			for _, list := range of(r) {
				for _, m := range list {
					at := reflect.ValueOf(m).UnsafePointer()
					if known[at] == nil {
						known[at] = encodeMap(m)
					}
					b.maps = append(b.maps, known[at])
				}
				b.buf = put64(b.buf, uint64(len(b.maps)))
			}
		}
		end := 0
		for _, m := range b.maps {
			end += m.n
			b.buf = put64(b.buf, uint64(end))
		}
		for _, m := range b.maps {
			b.buf = append(b.buf, m.keys...)
		}
		for _, m := range b.maps {
			b.buf = append(b.buf, m.values...)
		}
	}
}
