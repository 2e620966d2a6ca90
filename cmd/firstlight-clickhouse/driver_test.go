package main_test

// What clickhouse-go does with the helper: the same as with a server.

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"firstlight/sinks/clickhouse/enginetest"
)

const wideTable = `CREATE TABLE wide (
	id UInt64,
	small Int8,
	flag Bool,
	ratio Nullable(Float64),
	name String,
	plan LowCardinality(String),
	country LowCardinality(Nullable(String)),
	born Date,
	target Nullable(Date),
	seen DateTime('UTC'),
	at DateTime64(3, 'UTC'),
	local DateTime64(3, 'Europe/Berlin'),
	tags Array(String),
	counts Array(UInt64),
	starts Array(Date),
	labels Map(String, String),
	dead Map(LowCardinality(String), UInt64),
	segments Array(Map(String, String)),
	pair Tuple(a Int64, b String)
) ENGINE = MergeTree ORDER BY id`

type wideRow struct {
	ID       uint64              `ch:"id"`
	Small    int8                `ch:"small"`
	Flag     bool                `ch:"flag"`
	Ratio    *float64            `ch:"ratio"`
	Name     string              `ch:"name"`
	Plan     string              `ch:"plan"`
	Country  *string             `ch:"country"`
	Born     time.Time           `ch:"born"`
	Target   *time.Time          `ch:"target"`
	Seen     time.Time           `ch:"seen"`
	At       time.Time           `ch:"at"`
	Local    time.Time           `ch:"local"`
	Tags     []string            `ch:"tags"`
	Counts   []uint64            `ch:"counts"`
	Starts   []time.Time         `ch:"starts"`
	Labels   map[string]string   `ch:"labels"`
	Dead     map[string]uint64   `ch:"dead"`
	Segments []map[string]string `ch:"segments"`
	Pair     []any               `ch:"pair"`
}

// wideRows hold what is hard to carry: NULLs, empty and nested collections, line breaks, NUL and quote bytes,
// times before and between whole seconds.
func wideRows() []wideRow {
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateOnly, s)
		if err != nil {
			panic(err)
		}
		return d
	}
	ratio, country, target := 0.1, "DE\n\nFR", day("2027-03-31")
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err)
	}
	return []wideRow{
		{
			ID: 1, Small: -128, Flag: true, Ratio: &ratio, Name: "two\n\nline breaks, \x00, 'quotes', \\ and \xff", Plan: "pro",
			Country: &country, Born: day("1970-01-01"), Target: &target, Seen: time.Unix(1e9, 0).UTC(),
			At: time.UnixMilli(1e12 + 7).UTC(), Local: time.UnixMilli(1e12 + 999).In(berlin),
			Tags: []string{"", "a\n\nb", "c"}, Counts: []uint64{0, 1 << 63}, Starts: []time.Time{day("2026-03-29")},
			Labels: map[string]string{"": "empty", "k\n\n": "v\t"}, Dead: map[string]uint64{"late": 3, "malformed": 0},
			Segments: []map[string]string{{"plan": "pro", "country": "DE"}, {}, {"": ""}},
			Pair:     []any{int64(-1), "b"},
		},
		{
			ID: 2, Born: day("2149-06-06"), Seen: time.Unix(0, 0).UTC(), At: time.UnixMilli(-1).UTC(),
			Local: time.UnixMilli(0).In(berlin), Tags: []string{}, Counts: []uint64{}, Starts: []time.Time{},
			Labels: map[string]string{}, Dead: map[string]uint64{}, Segments: []map[string]string{}, Pair: []any{int64(0), ""},
		},
	}
}

func TestEveryTypeSurvivesTheRoundTrip(t *testing.T) {
	for _, method := range []clickhouse.CompressionMethod{
		clickhouse.CompressionNone, clickhouse.CompressionLZ4, clickhouse.CompressionZSTD,
		clickhouse.CompressionGZIP, clickhouse.CompressionDeflate, clickhouse.CompressionBrotli,
	} {
		t.Run(method.String(), func(t *testing.T) {
			_, _, dsn := enginetest.Database(t)
			conn := connect(t, dsn, func(o *clickhouse.Options) {
				o.Compression = &clickhouse.Compression{Method: method, Level: 3}
				o.Settings = clickhouse.Settings{"enable_http_compression": 1}
			})
			ctx := context.Background()
			exec(t, conn, wideTable)
			want := wideRows()
			batch, err := conn.PrepareBatch(ctx, "INSERT INTO wide")
			if err != nil {
				t.Fatal(err)
			}
			for i := range want {
				if err := batch.AppendStruct(&want[i]); err != nil {
					t.Fatal(err)
				}
			}
			if err := batch.Send(); err != nil {
				t.Fatal(err)
			}
			var got []wideRow
			if err := conn.Select(ctx, &got, "SELECT * FROM wide ORDER BY id"); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" {
				t.Errorf("rows differ (-want +got):\n%s", diff)
			}
		})
	}
}

func TestColumnarInsert(t *testing.T) {
	conn, _, _ := enginetest.Database(t)
	ctx := context.Background()
	exec(t, conn, "CREATE TABLE t (a UInt64, s String, d Date DEFAULT '2026-01-01') ENGINE = MergeTree ORDER BY a")
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO t (a, s)")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(batch.Column(0).Append([]uint64{1, 2}), batch.Column(1).Append([]string{"x", "y"}), batch.Send()); err != nil {
		t.Fatal(err)
	}
	if got, want := text(t, conn, "SELECT toString(groupArray((a, s, d))) FROM t"), "[(1,'x','2026-01-01'),(2,'y','2026-01-01')]"; got != want {
		t.Errorf("rows %s, want %s", got, want)
	}
}

func TestParameters(t *testing.T) {
	conn, _, _ := enginetest.Database(t)
	awkward := "it's\ta \\ \n\n line 日本"
	var s string
	var n, null uint64
	var at time.Time
	var list []string
	err := conn.QueryRow(context.Background(),
		"SELECT {s:String}, {n:UInt64}, {t:DateTime64(3)}, {l:Array(String)}, isNull({x:Nullable(String)})",
		clickhouse.Named("s", awkward), clickhouse.Named("n", uint64(1<<63)),
		clickhouse.Named("t", time.UnixMilli(1e12+5)), clickhouse.Named("l", []string{"a'b", "c\\"}), clickhouse.Named("x", nil),
	).Scan(&s, &n, &at, &list, newUint8(&null))
	if err != nil {
		t.Fatal(err)
	}
	if s != awkward || n != 1<<63 || at.UnixMilli() != 1e12+5 || !cmp.Equal(list, []string{"a'b", "c\\"}) || null != 1 {
		t.Errorf("parameters came back as %q %d %v %q %d", s, n, at, list, null)
	}
}

// newUint8 scans a UInt8 into a wider number.
func newUint8(into *uint64) any { return scanner(func(v any) { *into = uint64(v.(uint8)) }) }

type scanner func(any)

func (s scanner) Scan(v any) error { s(v); return nil }

func TestErrorsAreClickHouses(t *testing.T) {
	conn, _, _ := enginetest.Database(t)
	exec(t, conn, "CREATE TABLE t (a Int8) ENGINE = MergeTree ORDER BY a")
	for _, c := range []struct {
		name, sql string
		code      int32
		says      string
	}{
		{"syntax", "SELEC 1", 62, "Syntax error"},
		{"syntax in a SELECT", "SELECT 1 FROM (SELECT", 62, "Syntax error"},
		{"unfinished text", "SELECT 'abc", 62, "Syntax error"},
		{"NUL byte", "SELECT 1\x00", 62, "Syntax error"},
		{"nothing", "  -- nothing", 62, "Empty query"},
		{"table", "SELECT * FROM missing", 60, "missing"},
		{"column", "SELECT missing FROM t", 47, "missing"},
		{"function", "SELECT missing()", 46, "missing"},
		{"type", "SELECT CAST('x', 'Missing')", 50, "Missing"},
		{"format", "SELECT 1 FORMAT Missing", 73, "Missing"},
		{"database", "USE missing", 81, "missing"},
		{"exists", "CREATE TABLE t (a Int8) ENGINE = Memory", 57, "already exists"},
		{"while running", "SELECT throwIf(number = 3) FROM numbers(10)", 395, "throwIf"},
		{"after a million rows", "SELECT throwIf(number = 3000000) FROM numbers(10000000)", 395, "throwIf"},
		{"memory", "SELECT groupArray(number) FROM numbers(100000000) SETTINGS max_memory_usage = 10000000", 241, "memory limit"},
		{"too deep", "SELECT " + strings.Repeat("(", 20000) + "1" + strings.Repeat(")", 20000), 306, "depth"},
		{"too long", "SELECT '" + strings.Repeat("x", 1<<20) + "'", 62, "Max query size"},
		{"several", "SELECT 1; SELECT 2", 62, "Multi-statements"},
		{"outfile", "SELECT 1 INTO OUTFILE '/tmp/x'", 48, "OUTFILE"},
		{"users", "CREATE USER bi", 497, "privileges"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rows, err := conn.Query(context.Background(), c.sql)
			if err == nil {
				for rows.Next() {
				}
				err = errors.Join(rows.Err(), rows.Close())
			}
			var exception *clickhouse.Exception
			if !errors.As(err, &exception) {
				t.Fatalf("the error is %v, want an exception", err)
			}
			if exception.Code != c.code || !strings.Contains(exception.Message, c.says) {
				t.Errorf("exception %d %.300q, want %d and %q", exception.Code, exception.Message, c.code, c.says)
			}
			if strings.Contains(exception.Message, "/dev/fd") {
				t.Errorf("the message shows how results are streamed: %q", exception.Message)
			}
		})
	}
}

func TestReadOnlySetting(t *testing.T) {
	_, _, dsn := enginetest.Database(t)
	conn := connect(t, dsn, func(o *clickhouse.Options) { o.Settings = clickhouse.Settings{"readonly": 1} })
	if got := text(t, conn, "SELECT 1"); got != "1" {
		t.Errorf("SELECT 1 is %s", got)
	}
	if err := conn.Exec(context.Background(), "CREATE TABLE t (a Int8) ENGINE = Memory"); err == nil {
		t.Error("a table was created with readonly = 1")
	}
}

func TestSettingsDoNotLeak(t *testing.T) {
	conn, _, dsn := enginetest.Database(t)
	one := connect(t, dsn, func(o *clickhouse.Options) { o.Settings = clickhouse.Settings{"max_block_size": 7} })
	for range 20 {
		if got := text(t, one, "SELECT getSetting('max_block_size')"); got != "7" {
			t.Fatalf("max_block_size is %s, want 7", got)
		}
		if got := text(t, conn, "SELECT getSetting('max_block_size')"); got == "7" {
			t.Fatal("a setting reached another client")
		}
	}
}

func TestCancelledContextEndsTheQuery(t *testing.T) {
	conn, database, _ := enginetest.Database(t)
	ctx, cancel := context.WithCancel(context.Background())
	sql := "SELECT max(sipHash64(number)), '" + database + "' FROM numbers(1000000000000)"
	running := "SELECT count() FROM system.processes WHERE query LIKE '%max(sip%" + database + "%' AND query NOT LIKE '%processes%'"
	failed := make(chan error, 1)
	go func() {
		rows, err := conn.Query(ctx, sql)
		if err == nil {
			err = rows.Close()
		}
		failed <- err
	}()
	waitFor(t, "the query to run", func() bool { return text(t, conn, running) == "1" })
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the query ended with %v", err)
	}
	waitFor(t, "the engine to end the query", func() bool { return text(t, conn, running) == "0" })
}

// TestEngineKeepsToItsData: whoever reaches the port gets at tables only, not at files, programs and other servers.
func TestEngineKeepsToItsData(t *testing.T) {
	conn, _, _ := enginetest.Database(t)
	for _, sql := range []string{
		"SELECT * FROM file('/etc/passwd', LineAsString)",
		"SELECT * FROM default.`/etc/passwd`",
		"SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
		"SELECT * FROM remote('127.0.0.1', system.one)",
		"INSERT INTO FUNCTION file('/tmp/firstlight-must-not-exist', CSV) SELECT 1",
		"CREATE TABLE f (s String) ENGINE = File(LineAsString, '/etc/passwd')",
		"CREATE DATABASE f ENGINE = Filesystem('/etc')",
		"CREATE DICTIONARY d (s String) PRIMARY KEY s SOURCE(EXECUTABLE(COMMAND 'id' FORMAT LineAsString)) LAYOUT(COMPLEX_KEY_HASHED()) LIFETIME(0)",
		"BACKUP DATABASE default TO File('/tmp/firstlight-must-not-exist')",
		"SYSTEM SHUTDOWN",
	} {
		err := conn.Exec(context.Background(), sql)
		var exception *clickhouse.Exception
		if !errors.As(err, &exception) || exception.Code != 497 {
			t.Errorf("%s: %v, want a refusal (497)", sql, err)
		}
	}
}

func TestEveryKindOfTable(t *testing.T) {
	conn, database, _ := enginetest.Database(t)
	for _, sql := range []string{
		"CREATE TABLE a (n Int64, v UInt64) ENGINE = ReplacingMergeTree(v) ORDER BY n TTL toDateTime(v) + INTERVAL 100 YEAR",
		"CREATE TABLE b (n Int64, s AggregateFunction(uniq, Int64)) ENGINE = AggregatingMergeTree ORDER BY n",
		"CREATE MATERIALIZED VIEW m TO b AS SELECT n, uniqState(n) AS s FROM a GROUP BY n",
		"CREATE VIEW v AS SELECT * FROM a FINAL",
		"CREATE TEMPORARY TABLE t (n Int64)",
		"CREATE TABLE memory (n Int64) ENGINE = Memory",
		"CREATE FUNCTION " + database + "_f AS x -> x + 1",
		"INSERT INTO a VALUES (1, 1), (2, 2)",
		"INSERT INTO a SELECT " + database + "_f(n), v FROM a",
		"ALTER TABLE a ADD COLUMN c String, COMMENT COLUMN n 'the n'",
		"ALTER TABLE a UPDATE c = 'x' WHERE n = 1 SETTINGS mutations_sync = 1",
		"ALTER TABLE a DELETE WHERE n = 3 SETTINGS mutations_sync = 1",
		"OPTIMIZE TABLE a FINAL",
		"RENAME TABLE memory TO memory2",
		"CREATE TABLE copy AS a",
		"EXCHANGE TABLES copy AND a",
		"TRUNCATE TABLE copy",
		"DROP TABLE v",
		"DROP FUNCTION " + database + "_f",
		"SYSTEM FLUSH LOGS",
		"SELECT * FROM system.processes, system.parts, system.tables, information_schema.columns LIMIT 1",
	} {
		if err := conn.Exec(context.Background(), sql); err != nil {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestViewsWithCommentsAndDefiner(t *testing.T) {
	conn, database, _ := enginetest.Database(t)
	exec(t, conn, "CREATE TABLE t (a Int64 COMMENT 'the a') ENGINE = MergeTree ORDER BY a")
	exec(t, conn, "INSERT INTO t VALUES (1), (2)")
	exec(t, conn, "CREATE OR REPLACE VIEW v (total Int64 COMMENT 'the total') DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT sum(a) AS total FROM t COMMENT 'sums'")
	if got := text(t, conn, "SELECT total FROM v"); got != "3" {
		t.Errorf("the view says %s, want 3", got)
	}
	if got := text(t, conn, "SELECT comment FROM system.columns WHERE database = '"+database+"' AND table = 'v'"); got != "the total" {
		t.Errorf("the column's comment is %q", got)
	}
	if got := text(t, conn, "SELECT comment, definer FROM system.tables WHERE database = '"+database+"' AND name = 'v'"); got != "sums\tdefault" {
		t.Errorf("the view's comment and definer are %q", got)
	}
	if got := text(t, conn, "SHOW CREATE TABLE v"); !strings.Contains(got, "DEFINER = default SQL SECURITY DEFINER") {
		t.Errorf("SHOW CREATE says %s", got)
	}
}

func connect(t testing.TB, dsn string, change func(*clickhouse.Options)) driver.Conn {
	t.Helper()
	options, err := clickhouse.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	change(options)
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func exec(t testing.TB, conn driver.Conn, sql string) {
	t.Helper()
	if err := conn.Exec(context.Background(), sql); err != nil {
		t.Fatal(err)
	}
}

// text is the first row, its values as text, joined by tabs.
func text(t testing.TB, conn driver.Conn, sql string) string {
	t.Helper()
	rows, err := conn.Query(context.Background(), sql)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	if !rows.Next() {
		t.Fatalf("%s: no row (%v)", sql, rows.Err())
	}
	values := make([]any, len(rows.ColumnTypes()))
	texts := make([]string, len(values))
	for i := range values {
		values[i] = scanner(func(v any) { texts[i] = fmt.Sprint(v) })
	}
	if err := rows.Scan(values...); err != nil {
		t.Fatal(err)
	}
	return strings.Join(texts, "\t")
}

// waitFor polls until done, for at most 30 s.
func waitFor(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Minute); !done(); <-time.After(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
