package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the results that the documents show")

// documents runs every block marked sql of the README and of docs over the example product, in one that says what it
// shows by a table under it, and compares the table.
func (r readers) documents(t *testing.T) {
	paths, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	for _, path := range append(paths, "../../README.md") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		got, n := r.answered(t, filepath.Base(path), string(text))
		asked += n
		switch {
		case got == string(text):
		case *update:
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		default:
			t.Errorf("%s shows other results than its queries have; go test -run TestReaders ./cmd/firstlight -update rewrites them:\n%s", path, cmp.Diff(string(text), got))
		}
	}
	if asked < 10 {
		t.Errorf("only %d queries in all documents", asked)
	}
}

// answered returns a document with the tables under its queries replaced by what the queries return.
func (r readers) answered(t *testing.T, name, text string) (string, int) {
	t.Helper()
	const opening, closing = "```sql\n", "```\n"
	var out strings.Builder
	asked := 0
	for {
		before, rest, found := strings.Cut(text, opening)
		out.WriteString(before)
		if !found {
			return out.String(), asked
		}
		sql, after, closed := strings.Cut(rest, closing)
		if !closed {
			t.Fatalf("%s: a query without end:\n%s", name, rest)
		}
		asked++
		result, err := r.ask(sql, "Markdown")
		if err != nil {
			t.Errorf("%s:\n%s%v", name, sql, err)
		}
		out.WriteString(opening + sql + closing)
		if table, isTable := strings.CutPrefix(after, "\n|"); isTable {
			_, after, _ = strings.Cut(table, "\n\n")
			out.WriteString("\n" + strings.TrimSpace(strings.ReplaceAll(result, `\N`, "NULL")) + "\n\n")
		}
		text = after
	}
}
