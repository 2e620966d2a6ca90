package page

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/schemas"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/engine"
	"firstlight/sinks/clickhouse/enginetest"
)

func load(t testing.TB) *catalog.Catalog {
	t.Helper()
	c, problems := catalog.Load(schemas.ExampleSaaS, kind.All)
	if problems.Failed() {
		t.Fatal(problems.Format("saas.yaml"))
	}
	return c
}

// A text that is quoted is that text again, whatever is in it, and ends where it ends.
func TestQuotedTextStaysText(t *testing.T) {
	conn, database, _ := enginetest.Database(t)
	if err := clickhouse.Migrate(t.Context(), conn, database); err != nil {
		t.Fatal(err)
	}
	h := Handler(Config{Conn: conn, Database: database, Catalog: load(t), Hide: strings.Clone})
	for _, text := range []string{"", "free", "it's", `a\`, `\' OR 1=1 --`, "'); DROP TABLE x; --", "a\x00b", "tab\tline\nreturn\r", "{x:String}", "?", "é 漢 🙂", "`", `"`, "/* */"} {
		var got string
		if err := conn.QueryRow(t.Context(), "SELECT "+quote(text)).Scan(&got); err != nil || got != text {
			t.Errorf("%q comes back as %q: %v", text, got, err)
		}
		r := httptest.NewRequest("GET", "/api/activation_cohorts.json?"+url.Values{"metric": {"activated"}, "segment": {"plan"}, "value": {text}}.Encode(), nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		var answer struct {
			SQL     string
			Columns []string
			Rows    [][]any
		}
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK || answer.Rows == nil || len(answer.Rows) > 0 || len(answer.Columns) != 9 {
			t.Errorf("%q: %d %s", text, w.Code, w.Body)
		}
		if !strings.Contains(answer.SQL, "segment_value = "+quote(text)) {
			t.Errorf("%q is not in the SQL:\n%s", text, answer.SQL)
		}
	}
}

// Nothing but reading: the views alone, and no statement that changes anything.
func TestQueriesReadViews(t *testing.T) {
	views, err := schemas.Views("db")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, v := range views {
		known["db."+v.Name] = true
	}
	asked, err := read(url.Values{"metric": {"m"}, "window": {"1d"}, "segment": {"s"}, "value": {"v"}, "cohort": {"2026-03-02"}, "from": {"2026-03-02"}, "until": {"2026-03-03"}}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 20 {
		t.Fatal(names)
	}
	for _, name := range names {
		text := render(name, "db", asked)
		if !strings.HasPrefix(text, "SELECT ") || !strings.Contains(text, "LIMIT ") || strings.Contains(text, ";") {
			t.Errorf("%s is not one bounded SELECT:\n%s", name, text)
		}
		for word := range strings.FieldsSeq(text) {
			if strings.HasPrefix(word, "db.") && !known[word] {
				t.Errorf("%s reads %s, which is no view", name, word)
			}
		}
	}
}

// A server that is away is said to be, and is asked again.
func TestServerAway(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	p, err := engine.Start(ctx, engine.Config{Library: os.Getenv("FIRSTLIGHT_LIBCHDB"), Helper: enginetest.Build(t, dir), Path: dir + "/data", Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := clickhouse.Open(ctx, p.DSN(""))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := p.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	w := serve(Config{Conn: conn, Database: "firstlight", Catalog: load(t), Hide: strings.Clone}, "GET", "/api/status.json", "localhost")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "cannot be reached") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

// Days are those that were asked for, and begin at their first instant, also where there is no midnight.
func TestDaysOfZones(t *testing.T) {
	for _, x := range []struct{ zone, from, until, start, end, after string }{
		{"UTC", "2026-03-08", "2026-03-08", "2026-03-08 00:00:00", "2026-03-09 00:00:00", "2026-03-09"},
		{"Europe/Berlin", "2026-03-29", "2026-03-29", "2026-03-28 23:00:00", "2026-03-29 22:00:00", "2026-03-30"},
		{"America/Havana", "2026-03-08", "2026-03-08", "2026-03-08 05:00:00", "2026-03-09 04:00:00", "2026-03-09"},
		{"America/Havana", "2026-03-07", "2026-03-07", "2026-03-07 05:00:00", "2026-03-08 05:00:00", "2026-03-08"},
		{"America/Sao_Paulo", "2018-11-03", "2018-11-03", "2018-11-03 03:00:00", "2018-11-04 03:00:00", "2018-11-04"},
		{"Asia/Beirut", "2026-03-29", "2026-03-29", "2026-03-28 22:00:00", "2026-03-29 21:00:00", "2026-03-30"},
	} {
		zone, err := time.LoadLocation(x.zone)
		if err != nil {
			t.Fatal(err)
		}
		v, err := read(url.Values{"from": {x.from}, "until": {x.until}}, zone)
		if err != nil {
			t.Fatal(err)
		}
		if v.From != x.from || v.Start != x.start || v.Until != x.after || v.End != x.end {
			t.Errorf("%s from %s until %s: from %s (%s) until %s (%s)", x.zone, x.from, x.until, v.From, v.Start, v.Until, v.End)
		}
	}
}
