package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"

	"firstlight/schemas"
)

// viewNames lists every view.
func viewNames(t *testing.T) (names []string) {
	t.Helper()
	views, err := schemas.Views("firstlight")
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range views {
		names = append(names, view.Name)
	}
	return names
}

// mayBeEmpty are the views that have rows only when something was noticed.
var mayBeEmpty = []string{"anomalies", "incidents"}

// clickhouseGo reads every view with the Go client, which asks for the native format, as a user who may only read,
// and the same views as text.
func (r readers) clickhouseGo(t *testing.T) {
	options, err := clickhouse.ParseDSN("http://" + r.address + "/firstlight?readonly=1")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, view := range viewNames(t) {
		rows, err := conn.Query(t.Context(), "SELECT * FROM "+view)
		if err != nil {
			t.Errorf("%s: %v", view, err)
			continue
		}
		n, columns := 0, rows.Columns()
		for rows.Next() {
			n++
			values := make([]any, len(columns))
			for i, c := range rows.ColumnTypes() {
				values[i] = reflect.New(c.ScanType()).Interface()
			}
			if err := rows.Scan(values...); err != nil {
				t.Fatalf("%s: %v", view, err)
			}
		}
		if err := rows.Close(); err != nil {
			t.Errorf("%s: %v", view, err)
		}
		if n == 0 && !slices.Contains(mayBeEmpty, view) {
			t.Errorf("%s has no rows", view)
		}
		text, err := r.ask("SELECT * FROM "+view, "CSVWithNames")
		if err != nil {
			t.Errorf("%s: %v", view, err)
		}
		if got := strings.Count(text, "\n"); got != n+1 {
			t.Errorf("%s: %d lines of CSV for %d rows", view, got, n)
		}
	}
	if err := conn.Exec(t.Context(), "CREATE TABLE t (a Int8) ENGINE = Memory"); err == nil {
		t.Error("a table was made with readonly = 1")
	}
}

// node reads every view with ClickHouse's client for Node.
func (r readers) node(t *testing.T) {
	script, err := os.ReadFile("testdata/views.mjs")
	if err != nil {
		t.Fatal(err)
	}
	views := viewNames(t)
	output := runNode(t, "@clickhouse/client", string(script), append([]string{"http://" + r.address}, views...)...)
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if len(lines) != len(views) {
		t.Fatalf("%d of %d views:\n%s", len(lines), len(views), output)
	}
	for _, line := range lines {
		var got struct {
			View           string
			Columns        []string
			Rows, Streamed int
			First          map[string]any
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if got.Rows != got.Streamed {
			t.Errorf("%s: %d rows at once, %d as a stream", got.View, got.Rows, got.Streamed)
		}
		if got.Rows == 0 {
			if !slices.Contains(mayBeEmpty, got.View) {
				t.Errorf("%s has no rows", got.View)
			}
			continue
		}
		described, err := r.ask("SELECT name FROM system.columns WHERE database = 'firstlight' AND table = '"+got.View+"' ORDER BY position", "TSV")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Fields(described), got.Columns); diff != "" {
			t.Errorf("%s: columns (-want +got):\n%s", got.View, diff)
		}
		if _, isText := got.First["metric"].(string); !isText && slices.Contains(got.Columns, "metric") {
			t.Errorf("%s: metric is %v", got.View, got.First["metric"])
		}
	}
}

// runNode runs a module with the packages that `make engine` installs, and returns what it writes. Without the package
// it needs the test is skipped, unless CI is set.
func runNode(t *testing.T, needs, script string, args ...string) string {
	t.Helper()
	modules, err := filepath.Abs("../../.engine/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(modules, needs)); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed: run `make engine`", needs)
		}
		t.Skipf("%s is not installed: run `make engine`", needs)
	}
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "script.mjs")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	command := exec.CommandContext(t.Context(), "node", append([]string{path}, args...)...)
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		t.Fatalf("node: %v\n%s", err, stderr.String())
	}
	return string(output)
}
