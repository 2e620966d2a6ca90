package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"firstlight/sinks/clickhouse/engine"
	"firstlight/sinks/clickhouse/enginetest"
)

// TestMain lets this test binary play firstlight: started again with a data directory in the environment, it runs
// the engine until it is killed.
func TestMain(m *testing.M) {
	if path := os.Getenv("FIRSTLIGHT_TEST_PARENT"); path != "" {
		p, err := engine.Start(context.Background(), engine.Config{
			Helper: os.Getenv("FIRSTLIGHT_TEST_HELPER"), Path: path, Listen: "127.0.0.1:0",
		})
		if err != nil {
			fmt.Println("failed", err)
			os.Exit(1)
		}
		fmt.Println("address", p.DSN("default"))
		select {}
	}
	var err error
	if helperDir, err = os.MkdirTemp("", "firstlight-helper-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(helperDir)
	os.Exit(code)
}

var helperDir string

// build returns the helper's path, built once.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(helperDir, "firstlight-clickhouse")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	return enginetest.Build(t, helperDir)
}

func start(t *testing.T, c engine.Config) *engine.Process {
	t.Helper()
	p, err := engine.Start(context.Background(), complete(t, c))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(t, p) })
	return p
}

func complete(t *testing.T, c engine.Config) engine.Config {
	t.Helper()
	if c.Helper == "" {
		c.Helper = build(t)
	}
	if c.Path == "" {
		c.Path = t.TempDir()
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	return c
}

func stop(t *testing.T, p *engine.Process) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if err := p.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, dsn string) driver.Conn {
	t.Helper()
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// fill creates table t with n rows, in several parts.
func fill(t *testing.T, conn driver.Conn, n int) {
	t.Helper()
	err := conn.Exec(context.Background(), "CREATE TABLE t (n UInt64) ENGINE = MergeTree ORDER BY n")
	for range 10 {
		err = errors.Join(err, conn.Exec(context.Background(), fmt.Sprintf("INSERT INTO t SELECT number FROM numbers(%d)", n/10)))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, conn driver.Conn) (n uint64) {
	t.Helper()
	if err := conn.QueryRow(context.Background(), "SELECT count() FROM t").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDataSurvivesAStop(t *testing.T) {
	dir := t.TempDir()
	build(t)
	began := time.Now()
	p := start(t, engine.Config{Path: dir})
	t.Logf("ready after %v", time.Since(began))
	fill(t, connect(t, p.DSN("default")), 1000)
	stop(t, p)
	if err := p.Err(); err != nil {
		t.Errorf("after Stop the error is %v", err)
	}
	p = start(t, engine.Config{Path: dir})
	if n := count(t, connect(t, p.DSN("default"))); n != 1000 {
		t.Errorf("%d rows are left of 1000", n)
	}
}

// TestKilledParent kills the process that started the engine, as `kill -9` of firstlight does: the engine ends by
// itself, its data is whole, and the directory is free for the next one.
func TestKilledParent(t *testing.T) {
	dir := t.TempDir()
	parent, address := startParent(t, dir)
	conn := connect(t, address)
	fill(t, conn, 10_000)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	// The new engine waits for the old one's lock, so there is nothing to wait for here.
	p := start(t, engine.Config{Path: dir})
	if n := count(t, connect(t, p.DSN("default"))); n != 10_000 {
		t.Errorf("%d rows are left of 10000", n)
	}
	killed, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp", killed.Host); err == nil {
		c.Close()
		t.Error("the killed parent's engine still listens")
	}
}

// startParent starts this binary as a parent of an engine on dir.
func startParent(t *testing.T, dir string) (parent *exec.Cmd, address string) {
	t.Helper()
	parent = exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), "FIRSTLIGHT_TEST_PARENT="+dir, "FIRSTLIGHT_TEST_HELPER="+build(t))
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = parent.Process.Kill() })
	if _, err := fmt.Fscanf(out, "address %s\n", &address); err != nil {
		t.Fatalf("the parent did not start its engine: %v", err)
	}
	return parent, address
}

// TestKilledEngine kills the engine itself while it stores rows: those it has acknowledged are there afterwards.
func TestKilledEngine(t *testing.T) {
	dir := t.TempDir()
	p := start(t, engine.Config{Path: dir})
	conn := connect(t, p.DSN("default"))
	fill(t, conn, 10)
	acknowledged := make(chan uint64)
	go func() {
		defer close(acknowledged)
		for n := uint64(10); conn.Exec(context.Background(), "INSERT INTO t SELECT number FROM numbers(100)") == nil; {
			n += 100
			acknowledged <- n
		}
	}()
	var stored uint64
	for stored < 500 {
		stored = <-acknowledged
	}
	engine.KillForTest(p)
	for n := range acknowledged {
		stored = n
	}
	if n := count(t, conn); n != stored && n != stored+100 {
		t.Errorf("%d rows are left, %d were acknowledged", n, stored)
	}
}

// TestTheEngineComesBack kills the engine again and again: it is started again, and clients notice no other address.
func TestTheEngineComesBack(t *testing.T) {
	p := start(t, engine.Config{})
	conn := connect(t, p.DSN("default"))
	fill(t, conn, 10)
	for range 3 {
		before := p.Pid()
		engine.KillForTest(p)
		if n := count(t, connect(t, p.DSN("default"))); n != 10 {
			t.Errorf("%d rows are left of 10", n)
		}
		if p.Pid() == before {
			t.Error("the killed engine is said to run")
		}
	}
	select {
	case <-p.Done():
		t.Errorf("the engine is said to have ended: %v", p.Err())
	default:
	}
}

func TestTheLockIsHandedOver(t *testing.T) {
	dir := t.TempDir()
	p := start(t, engine.Config{Path: dir, Listen: "127.0.0.1:0"})
	address := p.Addr()
	second, waiting := make(chan error, 1), make(chan struct{})
	waits := sync.OnceFunc(func() { close(waiting) })
	config := complete(t, engine.Config{Path: dir, Listen: address, Log: func(line string) {
		if strings.Contains(line, "waiting") {
			waits()
		}
	}})
	go func() {
		next, err := engine.Start(context.Background(), config)
		if err == nil {
			err = next.Stop(context.Background())
		}
		second <- err
	}()
	select {
	case err := <-second:
		t.Fatalf("the second engine did not wait for the lock: %v", err)
	case <-waiting:
	}
	stop(t, p)
	if err := <-second; err != nil {
		t.Error(err)
	}
}

// TestOneLine starts engines that cannot start, and demands one line that says what to do.
func TestOneLine(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	junk := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(junk, []byte("not a library"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		config engine.Config
		says   []string
	}{
		{"taken port", engine.Config{Listen: taken.Addr().String()}, []string{taken.Addr().String(), "taken"}},
		{"not loopback", engine.Config{Listen: "0.0.0.0:8123"}, []string{"0.0.0.0:8123", "loopback"}},
		{"no address", engine.Config{Listen: "127.0.0.1"}, []string{"127.0.0.1", "port"}},
		{"missing library", engine.Config{Library: "/missing/libchdb.so"}, []string{"/missing/libchdb.so", "make engine", "FIRSTLIGHT_LIBCHDB", "CLICKHOUSE_URL"}},
		{"no library", engine.Config{Library: junk}, []string{junk}},
		{"missing helper", engine.Config{Helper: "/missing/firstlight-clickhouse"}, []string{"/missing/firstlight-clickhouse", "make build"}},
		{"a file as directory", engine.Config{Path: file}, []string{file}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := engine.Start(context.Background(), complete(t, c.config))
			if err == nil {
				stop(t, p)
				t.Fatal("the engine started")
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("more than one line: %q", err)
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestStartEndsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	start(t, engine.Config{Path: dir})
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := engine.Start(ctx, complete(t, engine.Config{Path: dir})); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the error is %v", err)
	}
}

// TestStopUnderLoad stops the engine while a query runs that has no end.
func TestStopUnderLoad(t *testing.T) {
	p := start(t, engine.Config{})
	conn := connect(t, p.DSN("default"))
	rows, err := conn.Query(context.Background(), "SELECT number FROM system.numbers")
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	stop(t, p)
	t.Logf("stopped after %v", time.Since(began))
	_ = rows.Close()
}

// TestLargeResultsNeedLittleMemory reads 400 MB and demands that the engine did not hold them.
func TestLargeResultsNeedLittleMemory(t *testing.T) {
	p := start(t, engine.Config{})
	conn := connect(t, p.DSN("default"))
	before, ok := engine.MemoryForTest(p)
	if !ok {
		t.Skip("this system does not tell a process's memory")
	}
	t.Logf("idle engine: %d MB", before>>20)
	rows, err := conn.Query(context.Background(), "SELECT number, repeat('x', 100) FROM numbers(4000000)")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for rows.Next() {
		n++
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || n != 4_000_000 {
		t.Fatalf("read %d rows (%v)", n, err)
	}
	after, _ := engine.MemoryForTest(p)
	t.Logf("peak: %d MB", after>>20)
	if after-before > 200<<20 {
		t.Errorf("the engine grew by %d MB", (after-before)>>20)
	}
}

// TestLogLines passes on what the helper says.
func TestLogLines(t *testing.T) {
	var mutex sync.Mutex
	var log bytes.Buffer
	_, err := engine.Start(context.Background(), complete(t, engine.Config{Path: "/proc/nowhere", Log: func(line string) {
		mutex.Lock()
		defer mutex.Unlock()
		log.WriteString(line + "\n")
	}}))
	mutex.Lock()
	defer mutex.Unlock()
	if err == nil || !strings.Contains(log.String(), "/proc/nowhere") {
		t.Errorf("error %v, log %q", err, log.String())
	}
}
