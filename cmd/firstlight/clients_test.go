package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"

	"firstlight/pipeline/testprocess"
	"firstlight/pipeline/testtool"
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

// mayBeEmpty are the views that have rows only when something was noticed, or of what the product of this test has none: actions.
var mayBeEmpty = []string{"anomalies", "incidents", "action_effects"}

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
	return runModule(t, installed(t, "../../.engine/node_modules", needs, "make engine"), script, args...)
}

// installed is the absolute path of a folder of packages. Without the package that a test needs it is skipped, unless CI is set.
func installed(t *testing.T, modules, needs, how string) string {
	t.Helper()
	path, err := filepath.Abs(modules)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(path, needs)); err != nil {
		testtool.Missing(t, needs+" is not installed: run `"+how+"`")
	}
	return path
}

// runModule runs a module with the packages in a folder, and returns what it writes.
func runModule(t *testing.T, modules, script string, args ...string) string {
	t.Helper()
	return startModule(t, modules, script, nil, args...)(t)
}

// startModule is runModule for who waits later: with what it returns.
func startModule(t *testing.T, modules, script string, env []string, args ...string) (wait func(*testing.T) string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(modules, filepath.Join(dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "script.mjs")
	if err := os.WriteFile(path, []byte(script), 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	command := testprocess.CommandContext(t.Context(), "node", append([]string{path}, args...)...)
	command.Stdout, command.Stderr, command.Env = &stdout, &stderr, append(os.Environ(), env...)
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := sync.OnceValue(command.Wait)
	t.Cleanup(func() { _ = ended() })
	return func(t *testing.T) string {
		t.Helper()
		if err := ended(); err != nil {
			t.Fatalf("node: %v\n%s", err, stderr.String())
		}
		return stdout.String()
	}
}
