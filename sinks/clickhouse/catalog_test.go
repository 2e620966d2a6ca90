package clickhouse_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/schemas"
	"firstlight/sinks/clickhouse"
)

// TestSaveCatalog: a catalog is stored when it says something else than the one in force, and when part of that is missing.
func TestSaveCatalog(t *testing.T) {
	s := newScript(t)
	store := clickhouse.NewStore(s.conn, s.database)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	load := func(text string) *catalog.Catalog {
		t.Helper()
		c, problems := catalog.Load([]byte(text), kind.All)
		if problems.Failed() {
			t.Fatal(problems.Format("catalog.yaml"))
		}
		return c
	}
	save := func(text string) {
		t.Helper()
		at = at.Add(time.Second)
		if err := store.SaveCatalog(t.Context(), load(text), at); err != nil {
			t.Fatal(err)
		}
	}
	count := func(what, of string) (n uint64) {
		t.Helper()
		rows, err := s.conn.Query(t.Context(), "SELECT "+what+" FROM "+s.database+"."+of)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			if err := rows.Scan(&n); err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	saas := string(schemas.ExampleSaaS)
	other := strings.Replace(saas, "owner: ", "owner: the new ", 1)
	for _, c := range []struct {
		what, text string
		rows       uint64
	}{
		{"the first", saas, 1}, {"the same", saas, 1}, {"another owner", other, 2}, {"the same again", other, 2}, {"the first again", saas, 3},
	} {
		save(c.text)
		if n := count("uniqExact(catalog_version)", "catalogs"); n != c.rows {
			t.Errorf("after %s there are %d rows, want %d", c.what, n, c.rows)
		}
		for _, text := range []string{saas, other} {
			if shown, err := store.IsShownBy(t.Context(), load(text)); err != nil || shown != (text == c.text) {
				t.Errorf("after %s, that the one with the new owner (%v) shows the numbers is %v: %v", c.what, text == other, shown, err)
			}
		}
	}
	since := func(metric string) uint64 {
		t.Helper()
		return count("toUInt64(toUnixTimestamp64Milli(assumeNotNull(active_since)))", "metric_catalog WHERE metric = '"+metric+"'")
	}
	stays, returns := since("activated"), since("integrations")
	save(regexp.MustCompile(`(?s)  - name: integrations\n.*?\n\n`).ReplaceAllString(saas, ""))
	save(saas)
	if got := since("activated"); got != stays {
		t.Errorf("a metric that stayed is active since %d, want %d", got, stays)
	}
	if got := since("integrations"); got <= returns || got != uint64(at.UnixMilli()) {
		t.Errorf("a metric that left and came back is active since %d, want %d: it is new", got, at.UnixMilli())
	}
	s.exec("TRUNCATE TABLE %s.metrics", s.database)
	save(saas)
	if count("count()", "metric_catalog") == 0 {
		t.Error("metrics that were lost are not stored again")
	}
}
