package main_test

// What curl, the Node client and BI tools do with the helper.

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"firstlight/sinks/clickhouse/enginetest"
)

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
	err    error // the body did not end as it should
}

// send makes a request. options are URL parameters, or headers where the name holds a colon ("Host:").
func send(t testing.TB, method, base string, body io.Reader, options ...string) reply {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	database := strings.Trim(u.Path, "/")
	u.Path = "/"
	values := url.Values{"database": {database}}
	request, err := http.NewRequest(method, u.String(), body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(options); i += 2 {
		if name, isHeader := strings.CutSuffix(options[i], ":"); isHeader {
			request.Header.Set(name, options[i+1])
			if name == "Host" {
				request.Host = options[i+1]
			}
			continue
		}
		values.Set(options[i], options[i+1])
	}
	request.URL.RawQuery = values.Encode()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, string(data), err}
}

// ask sends a statement that must succeed.
func ask(t testing.TB, base, sql string, options ...string) string {
	t.Helper()
	r := send(t, http.MethodPost, base, strings.NewReader(sql), options...)
	if r.status != http.StatusOK || r.err != nil {
		t.Fatalf("%.200s: status %d, %v\n%.1000s", sql, r.status, r.err, r.body)
	}
	return r.body
}

func TestWaysToSendAQuery(t *testing.T) {
	_, database, dsn := enginetest.Database(t)
	for _, c := range []struct {
		name, method, body string
		options            []string
		want               string
	}{
		{"body", "POST", "SELECT 1", nil, "1\n"},
		{"URL", "GET", "", []string{"query", "SELECT 1"}, "1\n"},
		{"URL and body", "POST", "+ 2", []string{"query", "SELECT 1"}, "3\n"},
		{"health", "GET", "", nil, "Ok.\n"},
		{"database", "POST", "SELECT currentDatabase()", nil, database + "\n"},
		{"database in a header", "POST", "SELECT currentDatabase()", []string{"database", "", "X-ClickHouse-Database:", "system"}, "system\n"},
		{"format", "POST", "SELECT 1 AS a", []string{"default_format", "JSONEachRow"}, `{"a":1}` + "\n"},
		{"format in a header", "POST", "SELECT 1 AS a", []string{"X-ClickHouse-Format:", "CSVWithNames"}, "\"a\"\n1\n"},
		{"format in the query", "POST", "SELECT 1 AS a FORMAT JSONEachRow -- so", []string{"default_format", "CSV"}, `{"a":1}` + "\n"},
		{"parameters", "POST", "SELECT {a:String}, {b:UInt8}", []string{"param_a", `x\ty`, "param_b", "2"}, "x\\ty\t2\n"},
		{"settings", "POST", "SELECT getSetting('max_threads')", []string{"max_threads", "1"}, "1\n"},
		{"no rows", "POST", "SELECT 1 WHERE 0", nil, ""},
		{"SHOW", "POST", "EXISTS TABLE x FORMAT JSONEachRow", nil, `{"result":0}` + "\n"},
		{"GET may set", "GET", "", []string{"query", "SELECT getSetting('max_block_size')", "max_block_size", "9"}, "9\n"},
		{"parentheses", "POST", "(SELECT 1) UNION ALL (SELECT 2) SETTINGS max_threads = 1", nil, "1\n2\n"},
		{"totals", "POST", "SELECT number FROM numbers(2) GROUP BY number WITH TOTALS ORDER BY number FORMAT CSV", nil, "0\n1\n\n0\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := send(t, c.method, dsn, strings.NewReader(c.body), c.options...)
			if r.status != http.StatusOK || r.body != c.want {
				t.Errorf("status %d, body %q, want %q", r.status, r.body, c.want)
			}
			if r.header.Get("X-ClickHouse-Query-Id") == "" || r.header.Get("X-ClickHouse-Timezone") != "UTC" || r.header.Get("X-ClickHouse-Server-Display-Name") == "" {
				t.Errorf("headers %v", r.header)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	_, _, dsn := enginetest.Database(t)
	for _, c := range []struct {
		name, method, body string
		options            []string
		status             int
		code, says         string
	}{
		{"nothing", "POST", " ", nil, 400, "62", "Empty query"},
		{"GET is read-only", "GET", "", []string{"query", "CREATE TABLE t (a Int8) ENGINE = Memory"}, 500, "164", "readonly"},
		{"and stays so", "GET", "", []string{"query", "CREATE TABLE t (a Int8) ENGINE = Memory", "readonly", "0"}, 500, "164", "readonly"},
		{"unknown setting", "POST", "SELECT 1", []string{"max_tread", "1"}, 404, "115", "max_tread"},
		{"bad setting", "POST", "SELECT 1", []string{"max_threads", "many"}, 400, "27", "many"},
		{"missing parameter", "POST", "SELECT {a:String}", nil, 400, "456", "`a`"},
		{"bad parameter", "POST", "SELECT {a:UInt8}", []string{"param_a", "x"}, 400, "457", "UInt8"},
		{"unknown database", "POST", "SELECT 1", []string{"database", "missing"}, 404, "81", "missing"},
		{"broken gzip", "POST", "definitely not gzip", []string{"Content-Encoding:", "gzip"}, 400, "117", "gzip"},
		{"unknown encoding", "POST", "x", []string{"Content-Encoding:", "rot13"}, 400, "117", "rot13"},
		{"broken blocks", "POST", strings.Repeat("no blocks", 9), []string{"decompress", "1"}, 400, "117", "request body"},
		{"ORC, whose reader can crash", "POST", "INSERT INTO t FORMAT ORC\nORC", nil, 501, "48", "Parquet"},
		{"another site's page", "POST", "SELECT 1", []string{"Origin:", "https://evil.example"}, 403, "", "other sites"},
		{"another site's name", "POST", "SELECT 1", []string{"Host:", "evil.example:8123"}, 421, "", "localhost"},
		{"method", "DELETE", "", nil, 405, "", "GET or POST"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := send(t, c.method, dsn, strings.NewReader(c.body), c.options...)
			if r.status != c.status || r.header.Get("X-ClickHouse-Exception-Code") != c.code || !strings.Contains(r.body, c.says) {
				t.Errorf("status %d, code %q, body %q; want %d, %q, %q", r.status, r.header.Get("X-ClickHouse-Exception-Code"), r.body, c.status, c.code, c.says)
			}
			if c.code != "" && !strings.Contains(r.body, "(version ") {
				t.Errorf("the exception lacks the version: %q", r.body)
			}
		})
	}
}

func TestInsertForms(t *testing.T) {
	for _, c := range []struct {
		name, query, body string
		want              string
	}{
		{"values in the body", "", "INSERT INTO t VALUES (1, 'a\n\n;b'), (2, 'c');", `[(1,'a\n\n;b'),(2,'c')]`},
		{"values in the URL", "INSERT INTO t VALUES (1, 'a')", "", `[(1,'a')]`},
		{"statement in the URL, values in the body", "INSERT INTO t VALUES", "(1, 'a'), (2, 'b')", `[(1,'a'),(2,'b')]`},
		{"expressions", "", "INSERT INTO t (s, a) VALUES (upper('x'), 1 + 1)", `[(2,'X')]`},
		{"JSONEachRow with blank lines", "INSERT INTO t FORMAT JSONEachRow", "{\"a\":1,\"s\":\"x\"}\n\n{\"a\":2,\"s\":\"y\"}\n\n", `[(1,'x'),(2,'y')]`},
		{"all in the body", "", "INSERT INTO t FORMAT JSONEachRow\n{\"a\":1,\"s\":\"x\"}\n\n{\"a\":2}", `[(1,'x'),(2,'')]`},
		{"CSV with a line break in it", "", "INSERT INTO t FORMAT CSV\n1,\"x\n\ny\"\n2,z\n", `[(1,'x\n\ny'),(2,'z')]`},
		{"RowBinary", "INSERT INTO t FORMAT RowBinary", "\x0a\x0a\x0a\x0a\x03\n\n;", `[(168430090,'\n\n;')]`},
		{"Native", "INSERT INTO t FORMAT Native", "\x02\x01\x01a\x06UInt32\x0a\x0a\x00\x00\x01s\x06String\x02\n\n", `[(2570,'\n\n')]`},
		{"settings behind the format", "INSERT INTO t FORMAT CSV SETTINGS format_csv_delimiter = '|'", "1|x", `[(1,'x')]`},
		{"nothing to insert", "INSERT INTO t FORMAT CSV", "", `[]`},
		{"INSERT … SELECT", "", "INSERT INTO t SELECT number, 'x' FROM numbers(2)", `[(0,'x'),(1,'x')]`},
		{"a parameter", "INSERT INTO t SELECT {n:UInt32}, 'p'", "", `[(7,'p')]`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, dsn := enginetest.Database(t)
			ask(t, dsn, "CREATE TABLE t (a UInt32, s String) ENGINE = MergeTree ORDER BY a")
			r := send(t, http.MethodPost, dsn, strings.NewReader(c.body), "query", c.query, "param_n", "7")
			if r.status != http.StatusOK {
				t.Fatalf("status %d: %s", r.status, r.body)
			}
			got := ask(t, dsn, "SELECT toString(groupArray((a, s))) FROM (SELECT * FROM t ORDER BY a) FORMAT TSVRaw")
			if strings.TrimSpace(got) != c.want {
				t.Errorf("the table holds %s, want %s", got, c.want)
			}
			if c.want != "[]" && strings.Contains(r.header.Get("X-ClickHouse-Summary"), `"written_rows":"0"`) {
				t.Errorf("the summary says %s", r.header.Get("X-ClickHouse-Summary"))
			}
		})
	}
}

// TestBadInsertData demands an exception and an untouched table, whatever comes.
func TestBadInsertData(t *testing.T) {
	_, _, dsn := enginetest.Database(t)
	ask(t, dsn, "CREATE TABLE t (a UInt32, s String, l LowCardinality(String), m Array(Map(String, Nullable(Int8)))) ENGINE = MergeTree ORDER BY a")
	random := rand.NewChaCha8([32]byte{})
	garbage := make([]byte, 10<<20)
	_, _ = random.Read(garbage)
	for _, format := range []string{"Native", "RowBinary", "JSONEachRow", "CSV", "Values", "Parquet", "Missing"} {
		for _, data := range [][]byte{garbage, garbage[:1000], []byte("\x00"), bytes.Repeat([]byte("\xff"), 1000), []byte("{\"a\":"), bytes.Repeat([]byte("["), 1<<20)} {
			r := send(t, http.MethodPost, dsn, bytes.NewReader(data), "query", "INSERT INTO t FORMAT "+format)
			if r.status == http.StatusOK || r.header.Get("X-ClickHouse-Exception-Code") == "" {
				t.Errorf("%s of %d bytes %.10q: status %d, %.200s", format, len(data), data, r.status, r.body)
			}
		}
	}
	if got := ask(t, dsn, "SELECT count() FROM t"); got != "0\n" {
		t.Errorf("the table holds %s rows", got)
	}
}

// TestCutInsert ends a request before its announced length: what came is not stored.
func TestCutInsert(t *testing.T) {
	_, database, dsn := enginetest.Database(t)
	ask(t, dsn, "CREATE TABLE t (a UInt32) ENGINE = MergeTree ORDER BY a")
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	fmt.Fprint(w, strings.Repeat("1\n2\n3\n", 10000))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"Content-Length: 100\r\n\r\n1\n2\n3\n", "Transfer-Encoding: chunked\r\n\r\n6\r\n1\n2\n3\n\r\n"} {
		conn, err := net.Dial("tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		secret, _ := u.User.Password()
		fmt.Fprintf(conn, "POST /?database=%s&query=INSERT+INTO+t+FORMAT+TSV HTTP/1.1\r\nHost: %s\r\nX-ClickHouse-Key: %s\r\n%s", database, u.Host, secret, body)
		if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			t.Errorf("a cut insert (%.20q) succeeded", body)
		}
		conn.Close()
	}
	r := send(t, http.MethodPost, dsn, bytes.NewReader(gz.Bytes()[:gz.Len()-9]), "query", "INSERT INTO t FORMAT TSV", "Content-Encoding:", "gzip")
	if r.status == http.StatusOK {
		t.Error("a cut gzip stream succeeded")
	}
	if got := ask(t, dsn, "SELECT count() FROM t"); got != "0\n" {
		t.Errorf("the table holds %s rows of cut inserts", got)
	}
}

// TestLargeResultsInEveryForm reads results of many blocks: headers and footers must come once.
func TestLargeResultsInEveryForm(t *testing.T) {
	_, _, dsn := enginetest.Database(t)
	const rows = 200_000
	sql := fmt.Sprintf("SELECT number AS n, 'x' AS s FROM numbers(%d)", rows)
	for _, format := range []string{"JSON", "JSONCompact", "JSONColumns"} {
		var v any
		if err := json.Unmarshal([]byte(ask(t, dsn, sql, "default_format", format)), &v); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
	for format, lines := range map[string]int{"CSV": rows, "CSVWithNames": rows + 1, "TSVWithNamesAndTypes": rows + 2, "JSONEachRow": rows, "Markdown": rows + 2} {
		if got := strings.Count(ask(t, dsn, sql, "default_format", format), "\n"); got != lines {
			t.Errorf("%s has %d lines, want %d", format, got, lines)
		}
	}
	parquet := ask(t, dsn, sql, "default_format", "Parquet")
	if strings.Count(parquet, "PAR1") != 2 {
		t.Errorf("the Parquet file holds %d marks, want 2", strings.Count(parquet, "PAR1"))
	}
}

func TestFailureInTheMiddleIsNotASuccess(t *testing.T) {
	_, _, dsn := enginetest.Database(t)
	sql := "SELECT throwIf(number = 3000000) FROM numbers(10000000)"
	r := send(t, http.MethodPost, dsn, strings.NewReader(sql))
	if r.err == nil {
		t.Error("the answer ended as if it were whole")
	}
	frame := "\r\n__exception__\r\n" + r.header.Get("X-ClickHouse-Exception-Tag") + "\r\nCode: 395."
	if !strings.Contains(r.body, frame) {
		t.Errorf("the answer ends in %q", r.body[max(0, len(r.body)-500):])
	}
	r = send(t, http.MethodPost, dsn, strings.NewReader(sql), "wait_end_of_query", "1")
	if r.status != http.StatusInternalServerError || !strings.HasPrefix(r.body, "Code: 395.") || r.err != nil {
		t.Errorf("with wait_end_of_query: status %d, %.100q (%v)", r.status, r.body, r.err)
	}
}

// TestLeavingClientEndsItsQuery stops reading a result that has no end.
func TestLeavingClientEndsItsQuery(t *testing.T) {
	_, database, dsn := enginetest.Database(t)
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	sql := url.QueryEscape("SELECT number, '" + database + "' FROM system.numbers")
	response, err := http.Get("http://" + u.User.String() + "@" + u.Host + "/?query=" + sql)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, response.Body, 10<<20); err != nil {
		t.Fatal(err)
	}
	running := "SELECT count() FROM system.processes WHERE query LIKE '%" + database + "%system.numbers%' AND query NOT LIKE '%processes%'"
	if got := ask(t, dsn, running); got != "1\n" {
		t.Errorf("%s such queries run, want 1", got)
	}
	response.Body.Close()
	waitFor(t, "the engine to end the query", func() bool { return ask(t, dsn, running) == "0\n" })
}

func TestResponsesAreCompressedWhenAsked(t *testing.T) {
	_, _, dsn := enginetest.Database(t)
	plain := send(t, http.MethodPost, dsn, strings.NewReader("SELECT repeat('x', 10000)"), "Accept-Encoding:", "gzip")
	if plain.header.Get("Content-Encoding") != "" {
		t.Errorf("encoded as %q without enable_http_compression", plain.header.Get("Content-Encoding"))
	}
	r := send(t, http.MethodPost, dsn, strings.NewReader("SELECT repeat('x', 10000)"), "Accept-Encoding:", "gzip", "enable_http_compression", "1")
	unzip, err := gzip.NewReader(strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(unzip)
	if err != nil || string(got) != plain.body {
		t.Errorf("unzipped to %d bytes (%v), want %d", len(got), err, len(plain.body))
	}
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, err = io.WriteString(w, "SELECT 1")
	if err = errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	if got := ask(t, dsn, zipped.String(), "Content-Encoding:", "gzip"); got != "1\n" {
		t.Errorf("a zipped query says %q", got)
	}
}
