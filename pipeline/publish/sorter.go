package publish

// A stable sort of messages by received time that keeps to its memory: what does not fit goes to disk as
// sorted runs, which are merged.

import (
	"bufio"
	"cmp"
	"container/heap"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

const (
	defaultSortBytes = 64 << 20
	fanIn            = 64        // runs of one level that are merged into one of the next; bounds open files
	runBuffer        = 128 << 10 // bytes read or written at once per run
)

// sorter collects messages with add, then yields them with each.
type sorter struct {
	dir   string
	limit int
	count uint64
	first int64 // the smallest received time, once count > 0

	buf   []byte  // encoded messages
	index []entry // where they are
	runs  []run   // in the order of their messages in the input
}

// entry is a message in memory.
type entry struct {
	received int64
	at       int
}

// run is a file of sorted messages. It has no name any more: its space is free once it is closed, however
// the process ends.
type run struct {
	file  *os.File
	level int
}

func newSorter(dir string, limit int) *sorter {
	if limit <= 0 {
		limit = defaultSortBytes
	}
	return &sorter{dir: dir, limit: limit}
}

// add takes a message. Its data may change afterwards.
func (s *sorter) add(m *Message) error {
	if s.count == 0 || m.Received < s.first {
		s.first = m.Received
	}
	s.count++
	s.index = append(s.index, entry{m.Received, len(s.buf)})
	s.buf = encode(s.buf, m)
	if len(s.buf) < s.limit {
		return nil
	}
	return s.spill()
}

// each calls visit for all messages by received time, equal times in the order of add, as often as it is called. Messages
// stay good.
func (s *sorter) each(visit func(*Message) error) error {
	if len(s.runs) == 0 {
		s.sort()
		for _, e := range s.index {
			if err := visit(decode(s.buf[e.at:])); err != nil {
				return err
			}
		}
		return nil
	}
	if len(s.index) > 0 {
		if err := s.spill(); err != nil {
			return err
		}
	}
	return merge(s.runs, func(record []byte) error { return visit(decode(record)) })
}

// close gives memory and disk space back.
func (s *sorter) close() {
	for _, r := range s.runs {
		r.file.Close()
	}
	s.runs, s.buf, s.index = nil, nil, nil
}

func (s *sorter) sort() {
	slices.SortFunc(s.index, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.received, b.received), cmp.Compare(a.at, b.at))
	})
}

// spill writes what is in memory as a run.
func (s *sorter) spill() error {
	s.sort()
	err := s.write(0, func(w io.Writer) error {
		for _, e := range s.index {
			record := s.buf[e.at:]
			if _, err := w.Write(record[:recordSize(record)]); err != nil {
				return err
			}
		}
		return nil
	})
	s.buf, s.index = s.buf[:0], s.index[:0]
	for err == nil && s.full() {
		err = s.compact()
	}
	return err
}

// full reports whether the newest runs are to be merged.
func (s *sorter) full() bool {
	n := len(s.runs)
	return n >= fanIn && s.runs[n-fanIn].level == s.runs[n-1].level
}

// compact merges the newest runs into one.
func (s *sorter) compact() error {
	old := slices.Clone(s.runs[len(s.runs)-fanIn:])
	s.runs = s.runs[:len(s.runs)-fanIn]
	defer func() {
		for _, r := range old {
			r.file.Close()
		}
	}()
	return s.write(old[0].level+1, func(w io.Writer) error {
		return merge(old, func(record []byte) error {
			_, err := w.Write(record)
			return err
		})
	})
}

// write adds a run.
func (s *sorter) write(level int, fill func(io.Writer) error) error {
	f, err := os.CreateTemp(s.dir, "firstlight-sort-*")
	if err != nil {
		return fmt.Errorf("sort on disk (set TMPDIR to a folder with room): %w", err)
	}
	s.runs = append(s.runs, run{f, level})
	if err := os.Remove(f.Name()); err != nil {
		return fmt.Errorf("sort on disk: %w", err)
	}
	w := bufio.NewWriterSize(f, runBuffer)
	err = fill(w)
	if err == nil {
		err = w.Flush()
	}
	if err != nil {
		return fmt.Errorf("sort on disk (set TMPDIR to a folder with room): %w", err)
	}
	return nil
}

// merge calls visit for the records of all runs in order. Records stay good.
func merge(runs []run, visit func(record []byte) error) error {
	var h cursors
	for i, r := range runs {
		if _, err := r.file.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read a sorted run: %w", err)
		}
		c := &cursor{r: bufio.NewReaderSize(r.file, runBuffer), run: i}
		if ok, err := c.next(); err != nil {
			return err
		} else if ok {
			h = append(h, c)
		}
	}
	heap.Init(&h)
	for len(h) > 0 {
		c := h[0]
		if err := visit(c.record); err != nil {
			return err
		}
		ok, err := c.next()
		switch {
		case err != nil:
			return err
		case ok:
			heap.Fix(&h, 0)
		default:
			heap.Pop(&h)
		}
	}
	return nil
}

// cursor is a place in a run.
type cursor struct {
	r        *bufio.Reader
	run      int
	received int64
	record   []byte
}

// next moves to the next record, and reports false after the last.
func (c *cursor) next() (bool, error) {
	head, err := c.r.Peek(headSize)
	if errors.Is(err, io.EOF) && len(head) == 0 {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read a sorted run: %w", err)
	}
	c.received = int64(binary.LittleEndian.Uint64(head))
	c.record = make([]byte, recordSize(head))
	if _, err := io.ReadFull(c.r, c.record); err != nil {
		return false, fmt.Errorf("read a sorted run: %w", err)
	}
	return true, nil
}

// cursors is a heap: the smallest received time first, equal ones by run.
type cursors []*cursor

func (h cursors) Len() int      { return len(h) }
func (h cursors) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h cursors) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[i].received, h[j].received), cmp.Compare(h[i].run, h[j].run)) < 0
}
func (h *cursors) Push(x any) { *h = append(*h, x.(*cursor)) }
func (h *cursors) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// A record is received time, event time and number (8 bytes each), the lengths of subject, id and data (4 bytes each), and
// these three.
const (
	lengthsAt = 3 * 8
	headSize  = lengthsAt + 3*4
)

func encode(b []byte, m *Message) []byte {
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Received))
	b = binary.LittleEndian.AppendUint64(b, uint64(m.Time))
	b = binary.LittleEndian.AppendUint64(b, m.Number)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.Subject)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.ID)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(m.Data)))
	b = append(b, m.Subject...)
	b = append(b, m.ID...)
	return append(b, m.Data...)
}

// recordSize is the size of the record that starts with head.
func recordSize(head []byte) int {
	size := headSize
	for at := lengthsAt; at < headSize; at += 4 {
		size += int(binary.LittleEndian.Uint32(head[at:]))
	}
	return size
}

// decode reads the record at the start of b. The data points into b.
func decode(b []byte) *Message {
	subject := int(binary.LittleEndian.Uint32(b[lengthsAt:]))
	id := int(binary.LittleEndian.Uint32(b[lengthsAt+4:]))
	rest := b[headSize:recordSize(b)]
	return &Message{
		Received: int64(binary.LittleEndian.Uint64(b)),
		Time:     int64(binary.LittleEndian.Uint64(b[8:])),
		Number:   binary.LittleEndian.Uint64(b[16:]),
		Subject:  string(rest[:subject]),
		ID:       string(rest[subject : subject+id]),
		Data:     rest[subject+id:],
	}
}
