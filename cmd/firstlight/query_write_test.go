package main

import (
	"strings"
	"testing"

	"firstlight/schemas"
)

const twoEvents = `{"event":"signed_up","userId":"u1","properties":{"plan":"pro"}}` + "\n" + `{"event":"project_created","userId":"u1"}`

// counted are the numbers of these events.
func (b *box) counted() string {
	b.t.Helper()
	return b.tsv("SELECT metric, entered FROM activation_by_cohort ORDER BY metric") + b.tsv("SELECT count() FROM user_progress") +
		b.tsv("SELECT sum(applied) FROM pipeline_progress")
}

// TestQueryOnlyReads: an operator's slip changes nothing.
func TestQueryOnlyReads(t *testing.T) {
	b := newMigratedBox(t)
	b.must("publish", b.write("now.ndjson", twoEvents))
	d := b.start("run") // one engine for all queries
	b.eventually("all is stored", func() bool { return d.tsv("SELECT sum(received), sum(lag) FROM pipeline_progress") == "2\t0" })
	before := b.counted()
	for _, sql := range []string{
		"DROP TABLE cells", "TRUNCATE TABLE users", "INSERT INTO cells (metric) VALUES ('x')", "SELECT 1; DROP TABLE cells", "SELECT 1 INTO OUTFILE 'x'", "DROP DATABASE firstlight",
		"SELECT * FROM url('http://127.0.0.1:1/', LineAsString)",
	} {
		r := b.firstlight("query", sql)
		if r.code != 1 || strings.Count(strings.TrimSpace(r.stderr), "\n") > 0 || r.stderr == "" {
			t.Errorf("%s: exit %d: %s%s", sql, r.code, r.stdout, r.stderr)
		}
	}
	b.refused(1, []string{"only reads", "--write"}, "query", "DROP TABLE cells")
	b.refused(1, []string{"only reads", "--write"}, "query", "INSERT INTO cells SELECT * FROM cells")
	if got := b.tsv("SELECT count() > 0 FROM cells"); got != "1" { // the operator may look at tables
		t.Errorf("cells: %s", got)
	}
	if got := b.counted(); got != before {
		t.Errorf("the numbers are %q, before %q", got, before)
	}
}

// TestLostTables: what query --write lets an operator lose, --rebuild computes again.
func TestLostTables(t *testing.T) {
	b := newSharedBox(t)
	b.must("publish", b.write("now.ndjson", twoEvents))
	b.must("run", "--drain")
	before := b.counted()
	views, err := schemas.Views("firstlight")
	if err != nil {
		t.Fatal(err)
	}
	b.must("query", "--write", "DROP VIEW "+views[0].Name+" SYNC")
	b.must("run", "--drain")
	for _, table := range []string{"cells", "users", "calendar"} {
		b.must("query", "--write", "DROP TABLE "+table+" SYNC")
		b.refused(1, []string{table, "--rebuild"}, "run", "--drain")
		b.must("run", "--drain", "--rebuild")
		if got := b.counted(); got != before {
			t.Errorf("without %s, and rebuilt: %q, before %q", table, got, before)
		}
	}
}
