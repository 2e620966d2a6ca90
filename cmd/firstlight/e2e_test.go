package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"firstlight/pipeline/stream/streamtest"
	"firstlight/pipeline/testprocess"
	"firstlight/sinks/clickhouse/enginetest"
)

// These tests run the built binary with its embedded servers, as a newcomer does.

var binary string

// ownFolder is this test binary's, and ends with it.
var ownFolder string

// TestMain has garbage collected a quarter as often as by default: the tests that compute leave much of it, and hold little.
func TestMain(m *testing.M) {
	streamtest.Serve()
	debug.SetGCPercent(400)
	dir, err := os.MkdirTemp("", "firstlight-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	ownFolder = dir
	programs, err := enginetest.Programs(dir, "firstlight", "firstlight-clickhouse")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	binary = filepath.Join(programs, "firstlight")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// box is a folder of its own with settings of its own: every port is free, nothing is shared.
type box struct {
	t   *testing.T
	dir string
	env map[string]string
}

func newBox(t *testing.T) *box {
	t.Helper()
	t.Parallel()
	dir := ownDir(t)
	b := &box{t: t, dir: dir, env: map[string]string{
		"FIRSTLIGHT_DATA_DIR": filepath.Join(dir, "data"), "FIRSTLIGHT_CATALOG": filepath.Join(dir, "catalog.yaml"),
		"FIRSTLIGHT_HTTP_ADDR": "127.0.0.1:0", "FIRSTLIGHT_NATS_ADDR": "127.0.0.1:0", "FIRSTLIGHT_CLICKHOUSE_ADDR": "127.0.0.1:0",
		"FIRSTLIGHT_FLUSH_INTERVAL": "50ms", "FIRSTLIGHT_LIBCHDB": library(t),
		"NATS_URL": "", "CLICKHOUSE_URL": "", "LOG_LEVEL": "", "LOG_FORMAT": "",
	}}
	b.write("catalog.yaml", testCatalog)
	return b
}

// newSharedBox returns a box on the engine that all tests of this binary share, with a database of its own: for tests of many commands,
// of which each would start an embedded engine, and of nothing that the embedded engine does differently. A run that has a NATS server of
// others too has no data directory, so it cannot be found by start.
func newSharedBox(t *testing.T) *box {
	t.Helper()
	b := newBox(t)
	_, database, dsn := enginetest.Database(t)
	b.env["CLICKHOUSE_URL"], b.env["FIRSTLIGHT_DATABASE"] = strings.TrimSuffix(dsn, "/"+database), database
	return b
}

// ownDir returns a folder that is removed when the test has ended.
func ownDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", strings.ReplaceAll(t.Name(), "/", "-"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		enginesEnd(t, dir)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// enginesEnd waits until no engine has its data below dir: that of a run that was killed ends by itself a moment later, and writes
// meanwhile. An engine holds the lock of its data until it has ended.
func enginesEnd(t *testing.T, dir string) {
	ended := make(chan error, 1)
	go func() {
		ended <- filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Base(path) != "firstlight.lock" {
				return nil // what an engine removes meanwhile is none of its locks
			}
			lock, err := os.Open(path)
			if err != nil {
				return err
			}
			defer lock.Close()
			return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
		})
	}()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatalf("an engine goes on in %s", dir)
	}
}

func library(t *testing.T) string {
	if given := os.Getenv("FIRSTLIGHT_LIBCHDB"); given != "" {
		return given
	}
	found, err := filepath.Glob("../../.engine/node_modules/@chdb/*/libchdb.*")
	if err != nil || len(found) == 0 {
		t.Fatal("the engine library is missing: run `make engine`, or set FIRSTLIGHT_LIBCHDB")
	}
	path, err := filepath.Abs(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return path
}

const testCatalog = `version: 1
product: acme
allowed_lateness: 24h
windows: [1d, 7d/1d]
defaults: {owner: growth@acme.example, objective: More teams that stay, direction: up, action: Call them}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week, segments: [plan]}
metrics:
  - name: activated
    kind: activation
    cohort: signup
    steps: [project_created, {event: invite_sent, count: 2}]
    within: 7d
    indicator: leading
  - name: first_report
    kind: ttfv
    cohort: signup
    value: {event: report_shared}
    indicator: leading
  - name: exports
    kind: adoption
    cohort: signup
    feature: {event: export_run, where: 'properties.rows > 10'}
    within: 28d
    indicator: lagging
`

// write puts a file into the box and returns its path.
func (b *box) write(name, content string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		b.t.Fatal(err)
	}
	return path
}

func (b *box) command(ctx context.Context, args ...string) *exec.Cmd {
	c := testprocess.CommandContext(ctx, binary, args...)
	c.Dir = b.dir
	c.Env = os.Environ()
	for k, v := range b.env {
		c.Env = append(c.Env, k+"="+v)
	}
	return c
}

// result is how a command ended.
type result struct {
	stdout, stderr string
	code           int
}

// patience bounds one command: the machine may be busy.
const patience = 5 * time.Minute

// firstlight runs a command to its end.
func (b *box) firstlight(args ...string) result { return b.firstlightWith("", args...) }

func (b *box) firstlightWith(stdin string, args ...string) result {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	c := b.command(ctx, args...)
	var stdout, stderr bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(stdin), &stdout, &stderr
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		b.t.Fatalf("firstlight %q: %v\n%s", args, err, stderr.String())
	}
	return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// must runs a command that has to succeed and returns its output.
func (b *box) must(args ...string) string {
	b.t.Helper()
	r := b.firstlight(args...)
	if r.code != 0 {
		b.t.Fatalf("firstlight %q: exit %d\n%s", args, r.code, r.stderr)
	}
	return r.stdout
}

// tsv runs SQL and returns its rows, columns separated by tabs.
func (b *box) tsv(sql string) string {
	b.t.Helper()
	return strings.TrimSpace(b.must("query", "--format", "TSV", sql))
}

// refused runs a command that has to fail with a code and one line on stderr that holds all the words.
func (b *box) refused(code int, words []string, args ...string) {
	b.t.Helper()
	r := b.firstlight(args...)
	line := strings.TrimSuffix(r.stderr, "\n")
	if r.code != code || strings.Contains(line, "\n") {
		b.t.Errorf("firstlight %q: exit %d, want %d and one line:\n%s", args, r.code, code, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(line, w) {
			b.t.Errorf("firstlight %q says %q, without %q", args, line, w)
		}
	}
}

// daemon is a command that runs until stopped.
type daemon struct {
	b      *box
	c      *exec.Cmd
	stderr *bytes.Buffer
	done   chan struct{}
	at     addresses

	server, database string // CLICKHOUSE_URL and FIRSTLIGHT_DATABASE, as they were at the start
}

// start starts a command that serves, and waits until it does.
func (b *box) start(args ...string) *daemon {
	b.t.Helper()
	d := &daemon{b: b, c: b.command(context.Background(), args...), stderr: &bytes.Buffer{}, done: make(chan struct{}), server: b.env["CLICKHOUSE_URL"], database: cmp.Or(b.env["FIRSTLIGHT_DATABASE"], "firstlight")}
	d.c.Stderr = d.stderr
	if err := d.c.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() { _ = d.c.Wait(); close(d.done) }()
	b.t.Cleanup(func() { _ = d.c.Process.Kill(); <-d.done })
	b.eventually("firstlight serves", func() bool {
		select {
		case <-d.done:
			b.t.Fatalf("firstlight %q ended: %s", args, d.stderr)
		default:
		}
		at := readAddresses(b.env["FIRSTLIGHT_DATA_DIR"])
		if at == nil || at.HTTP == "" || status200("http://"+at.HTTP+"/readyz") != nil {
			return false
		}
		d.at = *at
		return true
	})
	return d
}

// clickHouse is the address of the daemon's ClickHouse where everything may be done.
func (d *daemon) clickHouse() string {
	d.b.t.Helper()
	if d.server != "" {
		return d.server
	}
	dsn, err := d.at.dsn()
	if err != nil {
		d.b.t.Fatal(err)
	}
	return strings.TrimSuffix(dsn, "/")
}

func status200(url string) error {
	answer, err := http.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return nil
}

// eventually waits for a condition. It asks a quarter of the time at most: most conditions are views, which would keep the engine from what
// is waited for.
func (b *box) eventually(what string, condition func() bool) {
	b.t.Helper()
	for began := time.Now(); ; {
		asked := time.Now()
		if condition() {
			return
		}
		if time.Since(began) > patience {
			b.t.Fatalf("not within %s: %s", patience, what)
		}
		<-time.After(max(20*time.Millisecond, 3*time.Since(asked)))
	}
}

// terminate asks the daemon to end and returns its exit code and how long it took.
func (d *daemon) terminate() (code int, took time.Duration) {
	d.b.t.Helper()
	began := time.Now()
	if err := d.c.Process.Signal(syscall.SIGTERM); err != nil {
		d.b.t.Fatal(err)
	}
	<-d.done
	return d.c.ProcessState.ExitCode(), time.Since(began)
}

func (d *daemon) kill() {
	_ = d.c.Process.Signal(syscall.SIGKILL)
	<-d.done
}

// tsv runs SQL on the engine the daemon serves and returns its rows, columns separated by tabs.
func (d *daemon) tsv(sql string) string {
	d.b.t.Helper()
	answer, err := http.Post(d.clickHouse()+"/?database="+d.database, "text/plain", strings.NewReader(sql))
	if err != nil {
		d.b.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		d.b.t.Fatalf("%s: %s %s %v", sql, answer.Status, body, err)
	}
	return strings.TrimSpace(string(body))
}

// jetstream connects to the daemon's NATS server.
func (d *daemon) jetstream() jetstream.JetStream {
	d.b.t.Helper()
	return jetstreamAt(d.b.t, "nats://"+d.at.NATS)
}

// jetstreamAt connects to a NATS server until the test ends.
func jetstreamAt(t *testing.T, url string) jetstream.JetStream {
	t.Helper()
	conn, err := nats.Connect(url, nats.Timeout(2*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// accounts reads what became of all messages.
func (b *box) accounts() (s status) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(b.must("status", "--format", "json")), &s); err != nil {
		b.t.Fatal(err)
	}
	return s
}

// product is a file of events of the simulated product.
func (b *box) product(days int, perDay float64) (path string, events int) {
	b.t.Helper()
	all := productEvents(days, perDay)
	return b.write("product.ndjson", strings.Join(all, "\n")+"\n"), len(all)
}
