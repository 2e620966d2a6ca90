package chdb

import (
	"context"
	"errors"
	"io"
)

// insertChunk is how much insert data is handed over at a time, in bytes. The engine queues up to 16 chunks.
const insertChunk = 256 << 10

// Insert runs an INSERT, given without its FORMAT clause, with data in that format, read as the engine takes it.
// When data fails, or ctx ends, the insert is given up; blocks the engine has stored by then stay.
func (c *Conn) Insert(ctx context.Context, sql, format string, params []Param, data io.Reader) (Counters, error) {
	lib := c.engine.lib
	stream := c.call(lib.insert, sql, format, params)
	defer lib.insertDestroy(stream) // without the commit below, it cancels
	if err := errorOf(goString(lib.insertError(stream))); err != nil {
		return Counters{}, err
	}
	defer c.killWhenDone(ctx)()
	buffer := make([]byte, insertChunk)
	for last := false; !last; {
		n, err := fill(data, buffer)
		if last = errors.Is(err, io.EOF); err != nil && !last {
			return Counters{}, err
		}
		if n > 0 && lib.insertAppend(stream, &buffer[0], uint(n)) != 0 {
			break // committing says why
		}
	}
	result := lib.insertDone(stream)
	defer lib.destroyResult(result)
	return lib.counters(result), errorOf(goString(lib.resultError(result)))
}

// fill reads until p is full or r ends. Unlike io.ReadFull it keeps an end apart from r's own io.ErrUnexpectedEOF,
// which means that data is missing.
func fill(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
