package clickhouse_test

import (
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// result is the answer to a query, with the types of its columns.
type result struct {
	Meta []struct{ Name, Type string }
	Data [][]any
}

// reads runs a query as the user of Grafana does, who may change nothing.
func (s *script) reads(t *testing.T, query string) result {
	t.Helper()
	text, err := s.queryWith(query+"\nFORMAT JSONCompact", "readonly", "1")
	if err != nil {
		t.Fatal(err)
	}
	var r result
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	return r
}

// column returns the type of a column, empty when there is none, and whether it holds anything but NULL.
func (r *result) column(name string) (kind string, filled bool) {
	for i, m := range r.Meta {
		if m.Name == name {
			return m.Type, slices.ContainsFunc(r.Data, func(row []any) bool { return row[i] != nil })
		}
	}
	return "", false
}

// TestDashboardQueries runs every query of every dashboard, as a reader who may change nothing, on a small product.
func TestDashboardQueries(t *testing.T) {
	s := newScript(t)
	s.run("testdata/dashboards.txt")
	s.flush()
	s.load()
	s.exec("INSERT INTO %s.progress (partition, as_of, updated_at) SELECT 0, max(as_of), now64(3) FROM %s.progress", s.database, s.database)
	if _, err := s.queryWith("INSERT INTO progress (partition) VALUES (1)", "readonly", "1"); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Fatalf("a reader may write: %v", err)
	}
	march := func(day int) int64 { return time.Date(2024, 3, day, 0, 0, 0, 0, time.UTC).Unix() }
	for _, d := range readDashboards(t) {
		for _, all := range []bool{false, true} {
			if all && !strings.Contains(string(d.text), "$__conditionalAll") {
				continue
			}
			f := &fill{from: march(1), to: march(31), values: map[string]string{}, all: all}
			for _, v := range d.Templating.List {
				if v.Type != "query" {
					continue
				}
				r := s.reads(t, f.sql(t, v.Query))
				if len(r.Meta) != 1 || len(r.Data) == 0 {
					t.Errorf("%s: variable %s: %+v", d.path, v.Name, r)
					continue
				}
				f.values[v.Name] = r.Data[0][0].(string)
			}
			for _, a := range d.Annotations.List {
				r := s.reads(t, f.sql(t, a.Target.RawSQL))
				checkAnnotation(t, d.Title+": "+a.Name, &r)
			}
			for i := range d.Panels {
				p := &d.Panels[i]
				r := s.reads(t, f.sql(t, p.Targets[0].RawSQL))
				p.checkResult(t, d.Title+": "+p.Title, &r)
				if p.Title == "Adoption among active people" {
					checkWilson(t, s, &r)
				}
			}
		}
	}
}

var (
	timeType   = regexp.MustCompile(`^DateTime(64)?\(`)
	numberType = regexp.MustCompile(`^(Nullable\()?(U?Int(8|16|32|64)|Float64)\)?$`)
	textType   = regexp.MustCompile(`^(LowCardinality\()?String\)?$`)
)

// checkAnnotation holds that the columns are those Grafana maps by itself.
func checkAnnotation(t *testing.T, place string, r *result) {
	t.Helper()
	if kind, _ := r.column("time"); !timeType.MatchString(kind) {
		t.Errorf("%s: time is %q", place, kind)
	}
	if kind, _ := r.column("timeEnd"); !timeType.MatchString(strings.TrimPrefix(kind, "Nullable(")) {
		t.Errorf("%s: timeEnd is %q", place, kind)
	}
	for _, name := range []string{"title", "text", "tags"} {
		if kind, _ := r.column(name); !textType.MatchString(kind) {
			t.Errorf("%s: %s is %q", place, name, kind)
		}
	}
	if len(r.Data) == 0 {
		t.Errorf("%s: no rows", place)
	}
}

// checkResult holds that a panel gets rows of the types that Grafana needs to draw them.
func (p *panel) checkResult(t *testing.T, place string, r *result) {
	t.Helper()
	if len(r.Data) == 0 {
		t.Errorf("%s: no rows", place)
	}
	labels := 0
	for i, m := range r.Meta {
		_, filled := r.column(m.Name)
		switch {
		case p.Type == "timeseries" && i == 0:
			if m.Name != "time" || !timeType.MatchString(m.Type) {
				t.Errorf("%s: the first column is %s %s, not the time", place, m.Name, m.Type)
			}
		case p.Type == "timeseries" && textType.MatchString(m.Type):
			labels++
		case p.Type == "barchart" && m.Name == p.Options.XField:
		case slices.Contains(charts, p.Type) && (!numberType.MatchString(m.Type) || !filled):
			t.Errorf("%s: %s is %s, with values: %v", place, m.Name, m.Type, filled)
		case p.Type == "stat" && !filled:
			t.Errorf("%s: %s has no value", place, m.Name)
		}
	}
	target := p.Targets[0]
	isSeries := p.Type == "timeseries"
	if labels > 1 || isSeries != (target.QueryType == "timeseries") || isSeries != (target.Format == 0) {
		t.Errorf("%s: %d label columns as %s, format %d", place, labels, target.QueryType, target.Format)
	}
	if !slices.IsSortedFunc(r.Data, func(a, b []any) int {
		if !isSeries {
			return 0
		}
		return strings.Compare(a[0].(string), b[0].(string))
	}) {
		t.Errorf("%s: not in the order of time", place)
	}
	if kind, _ := r.column(p.Options.XField); p.Options.XField != "" && kind == "" {
		t.Errorf("%s: the x axis is %s, which the query does not return", place, p.Options.XField)
	}
	p.checkOverrides(t, place, r)
}

// checkWilson compares the interval that a panel computes over all cohorts with that of the view, on a day of one cohort.
func checkWilson(t *testing.T, s *script, r *result) {
	t.Helper()
	want := s.reads(t, `SELECT toString(window_start), rate_low, rate_high FROM adoption_by_window
		WHERE metric = 'exports' AND window = '1d' AND toDate(window_start) = '2024-03-05' AND cohort_start IS NOT NULL`).Data[0]
	for _, row := range r.Data {
		if row[0] != want[0] {
			continue
		}
		for i := range 2 {
			if got, want := row[i+1].(float64), want[i+1].(float64); math.Abs(got-want) > 1e-12 {
				t.Errorf("adoption: interval limit %v, the view says %v", got, want)
			}
		}
		return
	}
	t.Errorf("adoption: no row for %s", want[0])
}

// checkOverrides holds that what is set for a column is set for one that exists.
func (p *panel) checkOverrides(t *testing.T, place string, r *result) {
	for _, o := range p.FieldConfig.Overrides {
		matches := func(name string) bool { return name == o.Matcher.Options }
		if o.Matcher.ID == "byRegexp" {
			matches = regexp.MustCompile(strings.Trim(o.Matcher.Options, "/")).MatchString
		}
		if !slices.ContainsFunc(r.Meta, func(m struct{ Name, Type string }) bool { return matches(m.Name) }) {
			t.Errorf("%s: no column for the override of %q", place, o.Matcher.Options)
		}
	}
}
