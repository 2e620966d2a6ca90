package chdb

import (
	"bytes"
	"errors"
	"runtime"
	"sync"
)

// Param is a named query parameter or setting. Parameter values are in ClickHouse's escaped text form (as in TSV).
type Param struct{ Name, Value string }

// Counters say what a statement did.
type Counters struct {
	ReadRows, ReadBytes       uint64 // from storage
	WrittenRows, WrittenBytes uint64
	ResultRows, ResultBytes   uint64
}

func (c *Counters) add(d Counters) {
	c.ReadRows += d.ReadRows
	c.ReadBytes += d.ReadBytes
	c.WrittenRows += d.WrittenRows
	c.WrittenBytes += d.WrittenBytes
	c.ResultRows += d.ResultRows
	c.ResultBytes += d.ResultBytes
}

// Result is a whole result.
type Result struct {
	Data []byte
	Counters
}

// Exec runs any statement and returns its whole result in the given format (unless the statement names one).
func (c *Conn) Exec(sql, format string, params []Param) (Result, error) {
	lib := c.engine.lib
	result := c.call(lib.query, sql, format, params)
	defer lib.destroyResult(result)
	if err := errText(goString(lib.resultError(result))); err != nil {
		return Result{}, err
	}
	data := bytes.Clone(cBytes(lib.resultBuffer(result), lib.resultLength(result)))
	return Result{Data: data, Counters: lib.counters(result)}, nil
}

// Rows is the result of a streaming query, one block of the engine at a time. Each block is formatted on its own.
type Rows struct {
	conn   *Conn
	stream uintptr
	block  uintptr
	done   bool
	Counters
}

// Query runs a SELECT and streams its result.
func (c *Conn) Query(sql, format string, params []Param) (*Rows, error) {
	lib := c.engine.lib
	stream := c.call(lib.streamQuery, sql, format, params)
	if err := errText(goString(lib.resultError(stream))); err != nil {
		lib.destroyResult(stream)
		return nil, err
	}
	return &Rows{conn: c, stream: stream}, nil
}

// Next returns the next block's bytes, valid until the following call; nil at the end.
func (r *Rows) Next() ([]byte, error) {
	lib := r.conn.engine.lib
	r.drop()
	if r.done {
		return nil, nil
	}
	block := lib.streamFetch(handle(r.conn.pointer), r.stream)
	if err := errText(goString(lib.resultError(block))); err != nil {
		lib.destroyResult(block)
		r.done = true
		return nil, err
	}
	r.block = block
	r.Counters.add(lib.counters(block))
	data := cBytes(lib.resultBuffer(block), lib.resultLength(block))
	r.done = len(data) == 0
	return data, nil
}

func (r *Rows) drop() {
	if r.block != 0 {
		r.conn.engine.lib.destroyResult(r.block)
		r.block = 0
	}
}

// Close ends the query, also before its end, and frees it.
func (r *Rows) Close() {
	lib := r.conn.engine.lib
	r.drop()
	if !r.done {
		lib.streamStop(handle(r.conn.pointer), r.stream)
		r.done = true
	}
	if r.stream != 0 {
		lib.destroyResult(r.stream)
		r.stream = 0
	}
}

// Insert is an INSERT whose data is being written.
type Insert struct {
	lib    *library
	stream uintptr
	done   sync.Once
}

// ErrInsertFailed says that the engine takes no more data; Commit returns why.
var ErrInsertFailed = errors.New("the engine refused the data")

// Insert starts an INSERT without its FORMAT clause; its data follows by Write.
func (c *Conn) Insert(sql, format string, params []Param) (*Insert, error) {
	lib := c.engine.lib
	stream := c.call(lib.insert, sql, format, params)
	if err := errText(goString(lib.insertError(stream))); err != nil {
		lib.insertDestroy(stream)
		return nil, err
	}
	return &Insert{lib: lib, stream: stream}, nil
}

// Write hands data to the engine, waiting when the engine is behind.
func (i *Insert) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if i.lib.insertAppend(i.stream, &p[0], uint(len(p))) != 0 {
		return 0, ErrInsertFailed
	}
	return len(p), nil
}

// Commit ends the data and waits until the engine has stored it.
func (i *Insert) Commit() (Counters, error) {
	result := i.lib.insertDone(i.stream)
	defer i.lib.destroyResult(result)
	return i.lib.counters(result), errText(goString(i.lib.resultError(result)))
}

// Close frees the insert; without Commit it is given up. Blocks the engine has already stored stay.
func (i *Insert) Close() {
	i.done.Do(func() { i.lib.insertDestroy(i.stream) })
}

func (l *library) counters(result uintptr) Counters {
	return Counters{
		ReadRows:     l.resultStorageRows(result),
		ReadBytes:    l.resultStorageBytes(result),
		WrittenRows:  l.resultRowsWritten(result),
		WrittenBytes: l.resultBytesWritten(result),
		ResultRows:   l.resultRows(result),
		ResultBytes:  l.resultBytes(result),
	}
}

// statementFunc is the shape of the library's three functions that start a statement with parameters.
type statementFunc func(conn uintptr, sql *byte, sqlLen uint, format *byte, formatLen uint,
	names **byte, nameLens *uint, values **byte, valueLens *uint, count uint) uintptr

// call passes sql, format and params to f.
func (c *Conn) call(f statementFunc, sql, format string, params []Param) uintptr {
	n := len(params)
	names, values := make([]*byte, n+1), make([]*byte, n+1)
	nameLens, valueLens := make([]uint, n+1), make([]uint, n+1)
	for i, p := range params {
		names[i], nameLens[i] = bytePointer(p.Name), uint(len(p.Name))
		values[i], valueLens[i] = bytePointer(p.Value), uint(len(p.Value))
	}
	result := f(handle(c.pointer), bytePointer(sql), uint(len(sql)), bytePointer(format), uint(len(format)),
		&names[0], &nameLens[0], &values[0], &valueLens[0], uint(n))
	runtime.KeepAlive(names)
	runtime.KeepAlive(values)
	return result
}
