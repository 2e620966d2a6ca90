package clickhouse_test

// A small language for tests of views: lines that write cells, and queries with the rows they must return.
//
//	windows 1h 1d 7d/1d              also: zone, weeks, settle, lateness; before the first cell
//	metric NAME KIND COHORT [within=7d] [steps=a,b] [order=sequence] [direction=down] [target=0.4] [by=DATE] [review=DATE] [predicts=NAME]
//	experiment NAME METRIC split=A:0.5,B:0.5 [least=0.02] [within=1d] [period=day] [number=7] [direction=down]   the first variant is the control
//	voices why                                        what people say, before the first query
//	as_of 2024-03-20T00:00:00
//	entry signup 2024-03-04 2024-03-04T10 n=3         users who entered: cohort start, hour of entry
//	reach activated 2024-03-04 2024-03-04T10 5m 2h    users who reached, by age; activated#1 is the first step
//	reach gate.back/variant=B 2024-03-04 2024-03-04 n=9  users of an experiment's metric; gate.back#1 are those left out
//	done activated 2024-03-04 2024-03-04T12 2h        users by when they reached
//	between activated#2 2024-03-04 2024-03-04T10 1h   users of a sequence's step, by the time since the step before
//	window exports 2024-03-04 1d 2024-03-05 active=3  a tumbling window; cohort start - is the not-entered row
//	trailing exports 2024-03-04 7d/1d 2024-03-05 active=-1
//	volume web page_viewed 2024-03-04T10 n=7
//	sql INSERT INTO users ...                         anything else
//	query SELECT ...
//	----
//	rows, tab-separated in ClickHouse, by spaces here; up to an empty line
//
// NAME/plan=pro is a segment row, whose bucket is a day. A word p=1 puts the row into another partition.

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/cohort"
	"firstlight/schemas"
	"firstlight/sinks/clickhouse"
	"firstlight/sinks/clickhouse/enginetest"
	"firstlight/sinks/clickhouse/migratedtest"
)

// script is one test database under construction.
type script struct {
	t        testing.TB
	conn     clickhouse.Conn
	database string
	dsn      string

	windows           []string
	zone, weeks       string
	settle, lateness  time.Duration
	metrics, trials   int
	cohorts, voices   []string
	calendar          *calendar.Calendar
	firstDay, lastDay calendar.Day
	version           int
	pending           []string // rows of cells
	loaded            bool
}

func newScript(t testing.TB) *script {
	if testing.Short() {
		t.Skip("a test of rows: run without -short")
	}
	conn, database := migratedtest.Database(t)
	s := &script{
		t: t, conn: conn, database: database, dsn: enginetest.Start(t) + "/" + database,
		windows: []string{"1d"}, zone: "UTC", weeks: "monday", settle: 10 * time.Minute, lateness: 24 * time.Hour,
	}
	s.edges()
	return s
}

func (s *script) exec(format string, args ...any) {
	s.t.Helper()
	if err := s.conn.Exec(context.Background(), fmt.Sprintf(format, args...)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *script) edges() {
	var values []string
	for i, edge := range cohort.AgeEdges {
		values = append(values, fmt.Sprintf("(%d, %d)", i, edge))
	}
	s.exec("INSERT INTO %s.age_edges (age, upper_ms) VALUES %s", s.database, strings.Join(values, ", "))
}

// text runs a query and returns its rows as ClickHouse writes them for people.
func (s *script) text(query string) string {
	s.t.Helper()
	text, err := s.query(query)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// query runs a query over plain HTTP.
func (s *script) query(query string) (string, error) {
	return s.queryWith(query, "default_format", "TSV")
}

// queryWith runs a query over plain HTTP with one more parameter of the URL, a setting for example.
func (s *script) queryWith(query, name, value string) (string, error) {
	body, _, err := s.post(query, name, value)
	return body, err
}

// post returns what queryWith does, with the headers of the answer.
func (s *script) post(query, name, value string) (string, http.Header, error) {
	base, err := url.Parse(s.dsn)
	if err != nil {
		return "", nil, err
	}
	parameters := url.Values{"database": {s.database}, name: {value}}
	base.Path, base.RawQuery = "/", parameters.Encode() // with the user that the engine lets in
	answer, err := http.Post(base.String(), "text/plain", strings.NewReader(query))
	if err != nil {
		return "", nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return "", nil, fmt.Errorf("%s\n%s", query, body)
	}
	return string(body), answer.Header, nil
}

// run executes a script file.
func (s *script) run(path string) {
	file, err := os.Open(path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		query, isQuery := strings.CutPrefix(line, "query ")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !isQuery:
			s.line(strings.Fields(line))
		default:
			at := number
			var want []string
			for lines.Scan() {
				number++
				row := strings.TrimSpace(lines.Text())
				if len(want) == 0 && row != "----" {
					query += " " + row
					continue
				}
				if row == "" {
					break
				}
				want = append(want, strings.Join(strings.Fields(row), " "))
			}
			s.expect(fmt.Sprintf("%s:%d", path, at), query, want)
		}
	}
}

func (s *script) expect(place, query string, want []string) {
	s.t.Helper()
	s.flush()
	s.load()
	if len(want) == 0 {
		s.t.Fatalf("%s: a query without ----", place)
	}
	var got []string
	for line := range strings.Lines(s.text(query)) {
		got = append(got, strings.Join(strings.Fields(line), " "))
	}
	a, b := strings.Join(want[1:], "\n"), strings.Join(got, "\n")
	if a != b {
		s.t.Errorf("%s: %s\nwant:\n%s\ngot:\n%s", place, query, a, b)
	}
}

// line executes one line that is not a query.
func (s *script) line(words []string) {
	switch words[0] {
	case "windows":
		s.windows = words[1:]
	case "zone":
		s.zone = words[1]
	case "weeks":
		s.weeks = words[1]
	case "settle":
		s.settle = s.duration(words[1])
	case "lateness":
		s.lateness = s.duration(words[1])
	case "voices":
		s.voices = words[1:]
	case "metric":
		s.metric(words[1:])
	case "experiment":
		s.experiment(words[1:])
	case "sql":
		s.flush()
		s.exec("%s", strings.ReplaceAll(strings.Join(words[1:], " "), "INTO ", "INTO "+s.database+"."))
	case "as_of":
		s.exec("INSERT INTO %s.progress (partition, as_of) VALUES (0, %d)", s.database, s.time(words[1]).UnixMilli())
	default:
		s.cell(words)
	}
}

// options splits words like key=value from the others.
func options(words []string) (plain []string, named map[string]string) {
	named = map[string]string{}
	for _, w := range words {
		if key, value, found := strings.Cut(w, "="); found && !strings.Contains(key, "/") {
			named[key] = value
		} else {
			plain = append(plain, w)
		}
	}
	return plain, named
}

func (s *script) metric(words []string) {
	plain, o := options(words)
	s.metrics++
	position := 1
	for position <= len(s.cohorts) && s.cohorts[position-1] != plain[2] {
		position++
	}
	if position > len(s.cohorts) {
		s.cohorts = append(s.cohorts, plain[2])
	}
	within := 0.0
	if o["within"] != "" {
		within = s.duration(o["within"]).Seconds()
	}
	steps := "'" + strings.ReplaceAll(o["steps"], ",", "', '") + "'"
	s.exec(`INSERT INTO %s.metrics (catalog_version, position, metric, kind, cohort, cohort_position, within_seconds, steps, sequence, direction,
		owner, target_value, target_by, review_by, formula, period, periods, after_metric, split_metric, target_period, predicts_metric, predicts_period, predicts_least)
		VALUES (1, %d, '%s', '%s', '%s', %d, %.0f, [%s], %t, '%s', '%s', %s, %s, %s, '%s', '%s', %s, '%s', '%s', 1, '%s', 1, 0.01)`,
		s.database, s.metrics, plain[0], plain[1], plain[2], position, within, steps, o["order"] == "sequence", or(o["direction"], "up"),
		or(o["owner"], "growth"), or(o["target"], "NULL"), quoted(o["by"]), quoted(o["review"]), plain[1], o["period"], or(o["periods"], "0"), o["after"], o["split"], o["predicts"])
}

// experiment asks one metric of an experiment, whose cells are named after it: those of entries NAME, those of outcomes NAME.METRIC.
func (s *script) experiment(words []string) {
	plain, o := options(words)
	s.trials++
	var variants, shares []string
	for of := range strings.SplitSeq(o["split"], ",") {
		variant, share, _ := strings.Cut(of, ":")
		variants, shares = append(variants, "'"+variant+"'"), append(shares, share)
	}
	within := 0.0
	if o["within"] != "" {
		within = s.duration(o["within"]).Seconds()
	}
	s.exec(`INSERT INTO %s.experiments (catalog_version, position, experiment, metric_position, metric, variants, shares, control, least_effect, better_up, cohort, cell,
		within_seconds, period, period_number) VALUES (1, 1, '%s', %d, '%s', [%s], [%s], %s, %s, %t, '%s', '%s', %.0f, '%s', %s)`,
		s.database, plain[0], s.trials, plain[1], strings.Join(variants, ", "), strings.Join(shares, ", "), variants[0], or(o["least"], "0.02"), o["direction"] != "down",
		plain[0], plain[0]+"."+plain[1], within, o["period"], or(o["number"], "0"))
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func quoted(text string) string {
	if text == "" {
		return "NULL"
	}
	return "'" + text + "'"
}

// load writes the catalog and the calendar once all cells are known.
func (s *script) load() {
	if s.loaded {
		return
	}
	s.loaded = true
	s.exec("INSERT INTO %s.catalogs (catalog_version, timezone, week_start, lateness_seconds, settle_seconds, windows, cohorts, voices) VALUES (1, '%s', '%s', %.0f, %.0f, ['%s'], ['%s'], ['%s'])",
		s.database, s.zone, s.weeks, s.lateness.Seconds(), s.settle.Seconds(), strings.Join(s.windows, "', '"), strings.Join(s.cohorts, "', '"), strings.Join(s.voices, "', '"))
	if s.calendar == nil {
		return
	}
	var values []string
	for d := s.firstDay - 100; d <= s.lastDay+130; d++ {
		values = append(values, fmt.Sprintf("('%s', %d)", d.Time().Format(time.DateOnly), s.calendar.Start(d)))
	}
	s.exec("INSERT INTO %s.calendar (day, start) VALUES %s", s.database, strings.Join(values, ", "))
	s.windowDays()
}

// windowDays writes which windows the days of the calendar lie in.
func (s *script) windowDays() {
	query, err := schemas.WindowDays(s.database)
	if err != nil {
		s.t.Fatal(err)
	}
	s.exec("INSERT INTO %s.window_days %s", s.database, query)
}

// days returns the calendar, once the settings it depends on are known.
func (s *script) days() *calendar.Calendar {
	if s.calendar == nil {
		weekday := time.Monday
		if s.weeks == "sunday" {
			weekday = time.Sunday
		}
		s.calendar = calendar.New(s.location(), weekday)
	}
	return s.calendar
}

func (s *script) location() *time.Location {
	location, err := time.LoadLocation(s.zone)
	if err != nil {
		s.t.Fatal(err)
	}
	return location
}

func (s *script) duration(text string) time.Duration {
	unit := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}[text[len(text)-1]]
	if unit == 0 {
		d, err := time.ParseDuration(text)
		if err != nil {
			s.t.Fatal(err)
		}
		return d
	}
	n, err := strconv.ParseFloat(text[:len(text)-1], 64)
	if err != nil {
		s.t.Fatal(err)
	}
	return time.Duration(n * float64(unit))
}

// time reads a local time, to the hour or finer.
func (s *script) time(text string) time.Time {
	for _, layout := range []string{"2006-01-02T15", "2006-01-02T15:04", "2006-01-02T15:04:05.999"} {
		if at, err := time.ParseInLocation(layout, text, s.location()); err == nil {
			return at
		}
	}
	s.t.Fatalf("%q is not a time like 2024-03-04T10", text)
	return time.Time{}
}
