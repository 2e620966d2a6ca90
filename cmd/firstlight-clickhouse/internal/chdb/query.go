package chdb

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// Param is a named query parameter or setting. A parameter's value is in ClickHouse's escaped text form, as in TSV.
type Param struct{ Name, Value string }

// Counters say what a statement did. They are known when it has ended.
type Counters struct {
	ReadRows, ReadBytes       uint64 // from tables
	WrittenRows, WrittenBytes uint64
	ResultRows, ResultBytes   uint64
}

// Error is what the engine says about a statement that failed: "Code: 60. DB::Exception: …".
type Error string

func (e Error) Error() string { return string(e) }

func errorOf(text string) error {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	return Error(text)
}

// Result is a whole result.
type Result struct {
	Data []byte
	Counters
}

// Exec runs a statement and returns its whole result, in the given format unless the statement names one. It is
// killed when ctx ends.
func (c *Conn) Exec(ctx context.Context, sql, format string, params []Param) (Result, error) {
	defer c.killWhenDone(ctx)()
	return c.run(sql, format, params)
}

func (c *Conn) run(sql, format string, params []Param) (Result, error) {
	lib := c.engine.lib
	result := c.call(lib.query, sql, format, params)
	defer lib.destroyResult(result)
	if err := errorOf(goString(lib.resultError(result))); err != nil {
		return Result{}, err
	}
	data := bytes.Clone(cBytes(lib.resultBuffer(result), lib.resultLength(result)))
	return Result{Data: data, Counters: lib.counters(result)}, nil
}

// Rows is the result of a query, read as it comes. It must be closed.
type Rows struct {
	pipe     *os.File
	stop     context.CancelFunc
	done     chan struct{}
	counters Counters // with err, set before done is closed
	err      error
}

// Query runs a SELECT and streams its result, of any size, in the given format. tail is what follows the format
// in the statement (SETTINGS). The query is killed when ctx ends.
//
// The engine's own streaming formats each block as a result of its own, with headers and footers, so the result
// goes through a pipe instead, as to a file.
func (c *Conn) Query(ctx context.Context, sql, format, tail string, params []Param) (*Rows, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("opening a pipe for a result: %w", err)
	}
	widen(write)
	ctx, stop := context.WithCancel(ctx)
	r := &Rows{pipe: read, stop: stop, done: make(chan struct{})}
	statement := fmt.Sprintf("%s\nINTO OUTFILE '/dev/fd/%d' TRUNCATE FORMAT %s %s", sql, write.Fd(), format, tail)
	go func() {
		defer close(r.done)
		defer write.Close()
		result, err := c.Exec(ctx, statement, format, params)
		r.counters, r.err = result.Counters, err
	}()
	return r, nil
}

// Read reads the result. Its error is the engine's, or io.EOF.
func (r *Rows) Read(p []byte) (int, error) {
	n, err := r.pipe.Read(p)
	if n > 0 || err == nil {
		return n, nil
	}
	if !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("reading a result: %w", err)
	}
	<-r.done
	if r.err != nil {
		return 0, r.err
	}
	return 0, io.EOF
}

// Counters are those of the query, once Read has reached the end.
func (r *Rows) Counters() Counters {
	select {
	case <-r.done:
		return r.counters
	default:
		return Counters{}
	}
}

// Close kills the query if it still runs, and waits for its end.
func (r *Rows) Close() {
	r.stop()
	_, _ = io.Copy(io.Discard, r.pipe) // it was stopped, and how it ended is told elsewhere
	<-r.done
	r.pipe.Close()
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

// statementFunc is the shape of the library's functions that start a statement with parameters.
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
