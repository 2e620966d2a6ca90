package main_test

// What anybody on this machine can do at the port for readers: read views, and nothing else.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"firstlight/cmd/firstlight-clickhouse/internal/reader/readertest"
	"firstlight/sinks/clickhouse/engine"
	"firstlight/sinks/clickhouse/enginetest"
)

// desk is an engine with readers. Its database holds views over tables that are closed.
type desk struct {
	*engine.Process
	dir     string
	readers string // DSN of the port for readers
}

const readerPassword = "a password"

// sharedDesk is started once, and ends with this process.
var sharedDesk = sync.OnceValues(startDesk)

func startDesk() (*desk, error) {
	dir, err := os.MkdirTemp("", "firstlight-desk-")
	if err != nil {
		return nil, err
	}
	helper, err := enginetest.BuildHelper(dir)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	p, err := engine.Start(ctx, engine.Config{
		Library: os.Getenv("FIRSTLIGHT_LIBCHDB"), Helper: helper, Path: dir, Listen: "127.0.0.1:0", Temporary: true,
		Readers: engine.Readers{Database: "firstlight", Views: []string{"metric_status"}, People: []string{"stalled_users"}, Password: readerPassword},
	})
	if err != nil {
		return nil, err
	}
	return &desk{p, dir, "http://" + p.Addr() + "/firstlight"}, nil
}

// newDesk returns the shared engine, its database as it is at the beginning.
func newDesk(t testing.TB) *desk {
	t.Helper()
	d, err := sharedDesk()
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		"CREATE DATABASE IF NOT EXISTS firstlight",
		"CREATE OR REPLACE TABLE firstlight.users (user_id String) ENGINE = MergeTree ORDER BY user_id",
		"INSERT INTO firstlight.users VALUES ('ann'), ('bob')",
		"CREATE OR REPLACE TABLE firstlight.cells (metric String, n UInt64) ENGINE = MergeTree ORDER BY metric",
		"INSERT INTO firstlight.cells VALUES ('activated', 7), ('exports', 3)",
		"CREATE OR REPLACE VIEW firstlight.metric_status AS SELECT metric, n, toDateTime(0, 'UTC') AS at FROM firstlight.cells",
		"CREATE OR REPLACE VIEW firstlight.stalled_users AS SELECT user_id FROM firstlight.users",
	} {
		ask(t, d.DSN("default"), sql)
	}
	return d
}

// unharmed demands that nothing was changed and the engine still runs.
func (d *desk) unharmed(t *testing.T, pid int) {
	t.Helper()
	const everything = "SELECT (SELECT count() FROM firstlight.users), (SELECT sum(n) FROM firstlight.cells), (SELECT count() FROM system.tables WHERE database = 'firstlight'), (SELECT count() FROM system.databases WHERE name NOT IN ('default', 'firstlight', 'system', 'INFORMATION_SCHEMA', 'information_schema'))"
	if got := ask(t, d.DSN("default"), everything); got != "2\t10\t4\t0\n" {
		t.Errorf("the database holds %q", got)
	}
	if d.Pid() != pid {
		t.Error("the engine was started again")
	}
}

func TestReadersRead(t *testing.T) {
	d := newDesk(t)
	for _, c := range readertest.Readings() {
		t.Run(c.SQL, func(t *testing.T) {
			got := ask(t, d.readers, c.SQL, c.Options...)
			if got != c.Want && (c.Want == "" || !strings.HasPrefix(got, c.Want)) {
				t.Errorf("answers %q, want %q", got, c.Want)
			}
		})
	}
}

// TestClientsConnect sends what clients send when they connect and look for tables.
func TestClientsConnect(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		client, sql string
		options     []string
	}{
		{"clickhouse-connect", "SELECT version(), timezone()", nil},
		{"clickhouse-connect", "SELECT name, value, readonly as readonly FROM system.settings LIMIT 10000\n FORMAT Native", []string{"client_protocol_version", "54405", "enable_http_compression", "1", "Accept-Encoding:", "gzip"}},
		{"clickhouse-connect", "SELECT 1 AS check\n FORMAT Native", []string{"client_protocol_version", "54405", "date_time_input_format", "best_effort", "cast_string_to_dynamic_use_inference", "1", "send_progress_in_http_headers", "1", "http_headers_progress_interval_ms", "120000", "wait_end_of_query", "1"}},
		{"Superset", "SELECT name FROM system.tables WHERE database = 'firstlight' AND engine IN ('View', 'MaterializedView')", nil},
		{"Superset", "EXISTS TABLE `firstlight`.`metric_status`", nil},
		{"Superset", "DESCRIBE TABLE `firstlight`.`metric_status`", nil},
		{"Superset", "SELECT name, comment FROM system.columns WHERE database = currentDatabase() AND table = 'metric_status'", nil},
		{"Superset", "SHOW DATABASES", nil},
		{"Metabase", "SELECT currentUser() AS user, timezone() AS timezone, version() AS version LIMIT 1 FORMAT RowBinaryWithNamesAndTypes", []string{"X-ClickHouse-User:", "metabase", "X-ClickHouse-Key:", readerPassword, "compress", "1"}},
		{"Metabase", "SELECT t.database AS TABLE_SCHEM, t.name AS TABLE_NAME, CASE WHEN t.engine LIKE '%Log' THEN 'LOG TABLE' WHEN t.engine = 'View' THEN 'VIEW' ELSE 'TABLE' END AS TABLE_TYPE, t.comment AS REMARKS FROM system.tables t JOIN system.databases d ON t.database = d.name WHERE t.database LIKE 'firstlight' AND t.name LIKE '%' ORDER BY t.database, t.name", nil},
		{"Metabase", "SELECT database, table, name, type, replaceRegexpOne(type, '^Nullable\\\\((.+)\\\\)$', '\\\\1'), position(type, 'Nullable(') > 0, toInt32(position) FROM system.columns WHERE database LIKE 'firstlight' ORDER BY table, position", []string{"max_result_rows", "2000", "result_overflow_mode", "break", "session_timezone", "UTC"}},
		{"Metabase", "SELECT true AS `_` FROM `firstlight`.`metric_status` WHERE 1 <> 1 LIMIT 0", []string{"select_sequential_consistency", "1"}},
		{"Grafana", "SELECT name FROM system.databases WHERE name != 'INFORMATION_SCHEMA'", []string{"default_format", "Native", "client_protocol_version", "54483", "max_execution_time", "60"}},
		{"Grafana", "SHOW FULL COLUMNS FROM metric_status", nil},
		{"Grafana", "SELECT toUnixTimestamp(toStartOfInterval(at, INTERVAL 60 second)) * 1000 AS t, groupArray((metric, n)) AS rows FROM metric_status WHERE at >= toDateTime(0) AND at <= fromUnixTimestamp64Milli(1700000000000) GROUP BY t ORDER BY t", nil},
		{"Node", "SELECT * FROM metric_status\nFORMAT JSONEachRow", []string{"query_id", "a", "database", "firstlight", "output_format_json_quote_64bit_integers", "1", "send_progress_in_http_headers", "1", "X-ClickHouse-Format:", "JSON"}},
		{"information_schema", "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'firstlight'", nil},
		{"DBeaver", "SELECT * FROM system.functions, system.data_type_families, system.table_engines LIMIT 1", nil},
	} {
		t.Run(c.client+" "+c.sql, func(t *testing.T) { ask(t, d.readers, c.sql, c.options...) })
	}
}

// TestExpressionNamedAsATable: whether the expression or the table is meant cannot be told, so the answer says what to change.
func TestExpressionNamedAsATable(t *testing.T) {
	d := newDesk(t)
	r := send(t, http.MethodPost, d.readers, strings.NewReader("WITH users AS (SELECT n FROM metric_status) SELECT max(n) FROM users"))
	if r.status != http.StatusForbidden || !strings.Contains(r.body, "users is also the name of a table that is not open to readers: give the WITH expression another name") {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	if got := ask(t, d.readers, "WITH paying AS (SELECT n FROM metric_status) SELECT max(n) FROM paying"); got != "7\n" {
		t.Errorf("under another name: %q", got)
	}
}

// TestForms sends the query as clickhouse-connect does with form_encode_query_params.
func TestForms(t *testing.T) {
	d := newDesk(t)
	send := func(fields map[string]string, files ...string) reply {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		for name, value := range fields {
			if err := w.WriteField(name, value); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range files {
			f, err := w.CreateFormFile(name, "rows.tsv")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(f, "1")
		}
		w.Close()
		return send(t, http.MethodPost, d.readers, &body, "Content-Type:", w.FormDataContentType())
	}
	if r := send(map[string]string{"query": "SELECT n FROM metric_status WHERE metric = {m:String}", "param_m": "exports"}); r.body != "3\n" {
		t.Errorf("status %d: %s", r.status, r.body)
	}
	for name, fields := range map[string]map[string]string{
		"a closed table": {"query": "SELECT * FROM cells"}, "a closed setting": {"query": "SELECT 1", "format_schema": "/etc/passwd"},
		"DDL": {"query": "DROP TABLE cells", "readonly": "0"},
	} {
		if r := send(fields); r.status < 400 {
			t.Errorf("%s: status %d: %s", name, r.status, r.body)
		}
	}
	if r := send(map[string]string{"query": "SELECT 1", "rows_structure": "a UInt8"}, "rows"); r.status < 400 {
		t.Errorf("an external table: status %d: %s", r.status, r.body)
	}
}

func TestSingleUsersNeedThePassword(t *testing.T) {
	d := newDesk(t)
	const sql = "SELECT user_id FROM stalled_users ORDER BY user_id LIMIT 1"
	for _, c := range []struct {
		name    string
		options []string
		status  int
	}{
		{"none", nil, http.StatusForbidden},
		{"a header", []string{"X-ClickHouse-User:", "bi", "X-ClickHouse-Key:", readerPassword}, http.StatusOK},
		{"a parameter", []string{"user", "bi", "password", readerPassword}, http.StatusOK},
		{"a wrong one", []string{"X-ClickHouse-Key:", "guess"}, http.StatusForbidden},
		{"Basic", []string{"Authorization:", "Basic Ymk6YSBwYXNzd29yZA=="}, http.StatusOK},
		{"a wrong one with Basic", []string{"Authorization:", "Basic Ymk6Z3Vlc3M="}, http.StatusForbidden},
	} {
		r := send(t, http.MethodPost, d.readers, strings.NewReader(sql), c.options...)
		if r.status != c.status || (r.status == http.StatusOK) != (r.body == "ann\n") {
			t.Errorf("%s: status %d: %s", c.name, r.status, r.body)
		}
	}
	options, err := clickhouse.ParseDSN("http://bi:a%20password@" + d.Addr() + "/firstlight")
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, "http://"+d.Addr(), func(o *clickhouse.Options) { *o = *options })
	if got := text(t, conn, sql); got != "ann" {
		t.Errorf("clickhouse-go reads %q", got)
	}
}

// TestTheSecretIsNeeded: the socket of the worker answers nobody else.
func TestTheSecretIsNeeded(t *testing.T) {
	d := newDesk(t)
	for _, options := range [][]string{nil, {"X-ClickHouse-Key:", "guess"}, {"X-ClickHouse-Key:", readerPassword}} {
		if r := send(t, http.MethodPost, "http://"+d.OwnersAddr()+"/firstlight", strings.NewReader("SELECT 1"), options...); r.status != http.StatusForbidden {
			t.Errorf("%q: status %d: %s", options, r.status, r.body)
		}
	}
	for _, dsn := range []string{d.readers, "http://firstlight:" + d.Secret() + "@" + d.Addr() + "/firstlight"} {
		if r := send(t, http.MethodPost, dsn, strings.NewReader("TRUNCATE TABLE cells")); r.status != http.StatusForbidden {
			t.Errorf("the readers' port with the secret: status %d: %s", r.status, r.body)
		}
	}
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", d.Pid()))
	environment, err2 := os.ReadFile(fmt.Sprintf("/proc/%d/environ", d.Pid()))
	if err != nil || err2 != nil {
		t.Skip("this system shows no processes as files")
	}
	for _, secret := range []string{d.Secret(), readerPassword} {
		if bytes.Contains(append(command, environment...), []byte(secret)) {
			t.Error("a secret is in the process list")
		}
	}
}

// TestHostileReaders tries what must not be possible, by every method, and looks afterwards that nothing has changed.
func TestHostileReaders(t *testing.T) {
	d := newDesk(t)
	pid := d.Pid()
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("top secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range readertest.Hostile(victim) {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodHead} {
			t.Run(method+" "+c.SQL, func(t *testing.T) {
				options := c.Options
				var body io.Reader = strings.NewReader(c.SQL)
				if method != http.MethodPost {
					options, body = append([]string{"query", c.SQL}, options...), nil
				}
				r := send(t, method, d.readers, body, options...)
				if r.status < 400 && r.err == nil {
					t.Errorf("status %d: %.300s", r.status, r.body)
				}
				if strings.Contains(r.body, "top secret") || strings.Contains(r.body, "ann\n") || strings.Count(r.body, "\n") > 1 && method == http.MethodPost {
					t.Errorf("it says more than one line, or something secret: %.300q", r.body)
				}
			})
		}
	}
	if left, err := os.ReadFile(victim); err != nil || string(left) != "top secret\n" {
		t.Errorf("the file holds %q (%v)", left, err)
	}
	d.unharmed(t, pid)
}

// TestReadersDoNotStarveTheWorker has more readers ask for what never ends than there are places.
func TestReadersDoNotStarveTheWorker(t *testing.T) {
	d := newDesk(t)
	ctx, leave := context.WithCancel(t.Context())
	var readers sync.WaitGroup
	full := make(chan string, 50)
	for range 50 {
		readers.Go(func() {
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+d.Addr(), strings.NewReader("SELECT max(sipHash64(number)) FROM numbers(1000000000000)"))
			if err != nil {
				t.Error(err)
				return
			}
			answer, err := http.DefaultClient.Do(r)
			if err != nil {
				return // we left
			}
			defer answer.Body.Close()
			if answer.StatusCode == http.StatusServiceUnavailable {
				full <- answer.Header.Get("Retry-After")
			}
		})
	}
	select {
	case after := <-full:
		if after == "" {
			t.Error("a reader who finds no place is not told when to try again")
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("all readers found a place")
	}
	for range 20 {
		if got := ask(t, d.DSN("default"), "SELECT 1"); got != "1\n" {
			t.Errorf("the worker reads %q", got)
		}
	}
	leave()
	readers.Wait()
	waitFor(t, "a place for a reader", func() bool {
		return send(t, http.MethodPost, d.readers, strings.NewReader("SELECT 1")).status == http.StatusOK
	})
}

// TestReadersKillTheirQueries kills a query by its id, and not the worker's.
func TestReadersKillTheirQueries(t *testing.T) {
	d := newDesk(t)
	const forever = "SELECT max(sipHash64(number)) FROM numbers(1000000000000)"
	const running = "SELECT count() FROM system.processes WHERE query LIKE 'SELECT max(sipHash64(number)) FROM numbers(1000000000000)%'"
	ended := make(chan reply, 1)
	go func() { ended <- send(t, http.MethodPost, d.readers, strings.NewReader(forever), "query_id", "mine") }()
	waitFor(t, "the query to run", func() bool { return ask(t, d.DSN("default"), running) == "1\n" })
	if got := ask(t, d.readers, "KILL QUERY WHERE query_id = 'mine' ASYNC FORMAT JSONEachRow"); !strings.Contains(got, `"query_id":"mine"`) {
		t.Errorf("KILL answers %q", got)
	}
	if r := <-ended; r.status < 400 {
		t.Errorf("the killed query: status %d: %s", r.status, r.body)
	}
}

// TestQueryThatDoesNotEnd leaves a query that goes on when it is told to end: the engine is replaced, and goes on with
// what it stored, at the same addresses and with the same secret.
func TestQueryThatDoesNotEnd(t *testing.T) {
	dir := t.TempDir()
	p, err := engine.Start(t.Context(), engine.Config{
		Library: os.Getenv("FIRSTLIGHT_LIBCHDB"), Helper: enginetest.Build(t, t.TempDir()), Path: dir, Listen: "127.0.0.1:0",
		StuckAfter: time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Stop(context.Background()) }()
	dsn := p.DSN("default")
	ask(t, dsn, "CREATE TABLE t (a UInt8) ENGINE = MergeTree ORDER BY a")
	ask(t, dsn, "INSERT INTO t VALUES (7)")
	before := p.Pid()
	ctx, leave := context.WithCancel(t.Context())
	terms := make([]string, 200) // constants, which are computed before anything asks whether to go on
	for i := range terms {
		terms[i] = fmt.Sprintf("editDistance(repeat('ab', 30000), repeat('c', %d))", 60000-i)
	}
	deaf := "SELECT " + strings.Join(terms, " + ")
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(dsn, "default"), strings.NewReader(deaf))
	if err != nil {
		t.Fatal(err)
	}
	left := make(chan struct{})
	go func() {
		defer close(left)
		if answer, err := http.DefaultClient.Do(r); err == nil {
			answer.Body.Close()
		}
	}()
	waitFor(t, "the query to run", func() bool {
		return ask(t, dsn, "SELECT count() FROM system.processes WHERE query LIKE '%editDistance%' AND query NOT LIKE '%processes%'") == "1\n"
	})
	leave()
	<-left
	for deadline := time.Now().Add(3 * time.Minute); p.Pid() == before; <-time.After(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the engine was not replaced")
		}
	}
	if got := ask(t, dsn, "SELECT a FROM t"); got != "7\n" {
		t.Errorf("the table holds %q", got)
	}
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}
