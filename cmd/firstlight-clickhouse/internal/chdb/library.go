// Package chdb runs the ClickHouse engine inside this process: libchdb, bound without cgo. Nothing else may
// touch the library.
package chdb

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"github.com/ebitengine/purego"
)

// library holds libchdb's functions. Pointers into the library's memory travel as uintptr: Go neither moves
// nor frees them.
type library struct {
	version func() string

	connect func(argc int32, argv **byte) uintptr // returns chdb_connection*
	close   func(conn uintptr)

	query         statementFunc
	insert        statementFunc
	insertAppend  func(stream uintptr, data *byte, length uint) int32
	insertDone    func(stream uintptr) uintptr
	insertError   func(stream uintptr) uintptr
	insertDestroy func(stream uintptr)

	resultBuffer       func(result uintptr) uintptr
	resultLength       func(result uintptr) uint
	resultError        func(result uintptr) uintptr
	resultRows         func(result uintptr) uint64
	resultBytes        func(result uintptr) uint64
	resultStorageRows  func(result uintptr) uint64
	resultStorageBytes func(result uintptr) uint64
	resultRowsWritten  func(result uintptr) uint64
	resultBytesWritten func(result uintptr) uint64
	destroyResult      func(result uintptr)

	setSignalHandlers func(enabled int32)
}

// loadLibrary loads libchdb from path and leaves Go's signal handlers in place.
func loadLibrary(path string) (*library, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("the engine library: %w", err)
	}
	handle, err := purego.Dlopen(path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, fmt.Errorf("loading the engine library %s: %w", path, err)
	}
	l := &library{}
	for name, target := range l.symbols() {
		symbol, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, fmt.Errorf("the engine library %s is too old: it lacks %s (26.7 or newer is needed)", path, name)
		}
		purego.RegisterFunc(target, symbol)
	}
	return l, guardSignals(func() error {
		l.setSignalHandlers(0)
		return nil
	})
}

func (l *library) symbols() map[string]any {
	return map[string]any{
		"chdb_version":                     &l.version,
		"chdb_connect":                     &l.connect,
		"chdb_close_conn":                  &l.close,
		"chdb_query_with_params_n":         &l.query,
		"chdb_stream_insert_with_params_n": &l.insert,
		"chdb_stream_append":               &l.insertAppend,
		"chdb_stream_done":                 &l.insertDone,
		"chdb_stream_insert_error":         &l.insertError,
		"chdb_destroy_insert_stream":       &l.insertDestroy,
		"chdb_result_buffer":               &l.resultBuffer,
		"chdb_result_length":               &l.resultLength,
		"chdb_result_error":                &l.resultError,
		"chdb_result_rows_read":            &l.resultRows,
		"chdb_result_bytes_read":           &l.resultBytes,
		"chdb_result_storage_rows_read":    &l.resultStorageRows,
		"chdb_result_storage_bytes_read":   &l.resultStorageBytes,
		"chdb_result_rows_written":         &l.resultRowsWritten,
		"chdb_result_bytes_written":        &l.resultBytesWritten,
		"chdb_destroy_query_result":        &l.destroyResult,
		"chdb_set_signal_handlers_enabled": &l.setSignalHandlers,
	}
}

// open opens a connection; args are command-line style (--path=DIR, --max_threads=2).
func (l *library) open(args []string) (uintptr, error) {
	argv := make([]*byte, 0, len(args)+2)
	for _, a := range append([]string{"clickhouse"}, args...) {
		argv = append(argv, cString(a))
	}
	argv = append(argv, nil)
	var conn uintptr
	err := guardSignals(func() error {
		conn = l.connect(int32(len(args)+1), &argv[0])
		return nil
	})
	runtime.KeepAlive(argv)
	if err != nil {
		return 0, err
	}
	if conn == 0 {
		return 0, errors.New("the engine refused to open its data")
	}
	return conn, nil
}

// handle is the chdb_connection that chdb_connect's result points to.
func handle(conn uintptr) uintptr { return *(*uintptr)(cPointer(conn)) }

func cString(s string) *byte {
	b := append([]byte(s), 0)
	return &b[0]
}

// goString copies a NUL-terminated C string; "" for NULL.
func goString(p uintptr) string {
	if p == 0 {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(cPointer(p), n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(cPointer(p)), n))
}

// cBytes views length bytes of C memory at p.
func cBytes(p uintptr, length uint) []byte {
	if p == 0 || length == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(cPointer(p)), length)
}

// cPointer turns an address of C memory into a pointer; the detour is what vet accepts for memory that Go does not own.
func cPointer(p uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&p)) }

// bytePointer is the address of s's first byte, and a valid one when s is empty.
func bytePointer(s string) *byte {
	if s == "" {
		return new(byte)
	}
	return unsafe.StringData(s)
}
