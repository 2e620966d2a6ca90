package clickhouse_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"firstlight/schemas"
)

// dashboard is what these tests read of a Grafana dashboard.
type dashboard struct {
	UID, Title, Description string
	Panels                  []panel
	Templating              struct{ List []variable }
	Annotations             struct{ List []marks }

	path string
	text []byte
}

type panel struct {
	ID                       int
	Type, Title, Description string
	GridPos                  struct{ X, Y, W, H int }
	Datasource               datasource
	Targets                  []target
	FieldConfig              struct {
		Defaults  struct{ Unit string }
		Overrides []struct{ Matcher struct{ ID, Options string } }
	}
	Options struct{ XField string }
}

type datasource struct{ Type, UID string }

type target struct {
	Datasource datasource
	RawSQL     string
	QueryType  string
	Format     int // 0 time series, 1 table
}

type variable struct {
	Name, Type, Label, Description, Query string
	Datasource                            datasource
}

// marks are annotations drawn on every chart.
type marks struct {
	Name       string
	Datasource datasource
	Target     target
}

func readDashboards(t *testing.T) []dashboard {
	t.Helper()
	paths, err := filepath.Glob("../../schemas/grafana/dashboards/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	var all []dashboard
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d := dashboard{path: path, text: text}
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, d)
	}
	return all
}

// TestDashboards holds what Grafana does not complain about: names, places, references and explanations.
func TestDashboards(t *testing.T) {
	var uids []string
	for _, d := range readDashboards(t) {
		t.Run(strings.TrimSuffix(filepath.Base(d.path), ".json"), func(t *testing.T) {
			var tidy bytes.Buffer
			if err := json.Indent(&tidy, d.text, "", "  "); err != nil || tidy.String() != string(d.text) {
				t.Errorf("not formatted: indent by two spaces (%v)", err)
			}
			if want := "firstlight-" + strings.TrimSuffix(filepath.Base(d.path), ".json"); d.UID != want || slices.Contains(uids, d.UID) {
				t.Errorf("uid %q, want %q", d.UID, want)
			}
			uids = append(uids, d.UID)
			if d.Title == "" || d.Description == "" {
				t.Error("no title or description")
			}
			d.checkPanels(t)
			d.checkReferences(t)
			d.checkViews(t)
		})
	}
	if len(uids) != 7 {
		t.Errorf("%d dashboards: %q", len(uids), uids)
	}
}

var charts = []string{"timeseries", "barchart", "trend"}

// sentence is a description in plain words: long enough to say something.
var sentence = regexp.MustCompile(`(?s)^[A-Z].{20,}\.$`)

func (d *dashboard) checkPanels(t *testing.T) {
	var ids []int
	var titles []string
	taken := map[[2]int]string{}
	for _, p := range d.Panels {
		if p.ID == 0 || slices.Contains(ids, p.ID) || p.Title == "" || slices.Contains(titles, p.Title) {
			t.Errorf("panel %q: its id %d or title is there already, or missing", p.Title, p.ID)
		}
		ids, titles = append(ids, p.ID), append(titles, p.Title)
		if !sentence.MatchString(p.Description) {
			t.Errorf("panel %q: the description is no sentence: %q", p.Title, p.Description)
		}
		if slices.Contains(charts, p.Type) && p.FieldConfig.Defaults.Unit == "" {
			t.Errorf("panel %q has no unit", p.Title)
		}
		if len(p.Targets) != 1 {
			t.Errorf("panel %q has %d queries", p.Title, len(p.Targets))
		}
		at := p.GridPos
		if at.W < 1 || at.H < 3 || at.X < 0 || at.X+at.W > 24 {
			t.Errorf("panel %q does not fit: %+v", p.Title, at)
		}
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" {
					t.Fatalf("panels %q and %q overlap", p.Title, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}

var variableUse = regexp.MustCompile(`\$(?:\{(\w+)[^}]*\}|(\w+))`)

// checkReferences holds that queries go to the data source chosen, use only variables there are, and all of these.
func (d *dashboard) checkReferences(t *testing.T) {
	known, used := map[string]bool{}, map[string]bool{}
	var sources []datasource
	see := func(place, text string) {
		for _, m := range variableUse.FindAllStringSubmatch(text, -1) {
			name := m[1] + m[2]
			if !strings.HasPrefix(name, "__") && !known[name] {
				t.Errorf("%s: there is no variable %s before it", place, name)
			}
			used[name] = true
		}
	}
	for _, v := range d.Templating.List {
		if v.Label == "" || v.Description == "" || known[v.Name] {
			t.Errorf("variable %q: no label or description, or there twice", v.Name)
		}
		if v.Type == "query" {
			sources = append(sources, v.Datasource)
			see("variable "+v.Name, v.Query)
		}
		known[v.Name] = true
	}
	for _, a := range d.Annotations.List {
		sources = append(sources, a.Datasource, a.Target.Datasource)
		see("annotation "+a.Name, a.Target.RawSQL)
	}
	for _, p := range d.Panels {
		sources = append(sources, p.Datasource, p.Targets[0].Datasource)
		see("panel "+p.Title, p.Targets[0].RawSQL)
	}
	for name := range known {
		if !used[name] && name != "datasource" {
			t.Errorf("nothing uses the variable %s", name)
		}
	}
	for _, s := range sources {
		if s != (datasource{"grafana-clickhouse-datasource", "${datasource}"}) {
			t.Errorf("a query goes to %+v", s)
		}
	}
}

var readFrom = regexp.MustCompile(`\b(?:FROM|(?:INNER|LEFT) JOIN) (\w+)`)

// checkViews holds that only views are read, and none that shows single users: Grafana's user may read no other.
func (d *dashboard) checkViews(t *testing.T) {
	views, err := schemas.Views("firstlight")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range readFrom.FindAllStringSubmatch(string(d.text), -1) {
		name := m[1]
		if slices.Contains([]string{"user_progress", "stalled_users", "voices"}, name) || !slices.ContainsFunc(views, func(v schemas.View) bool { return v.Name == name }) {
			t.Errorf("a query reads %s", name)
		}
	}
}

// fill replaces Grafana's variables and the plugin's macros as the plugin does, for a time range and chosen values.
type fill struct {
	from, to int64             // Unix seconds
	values   map[string]string // of variables
	all      bool              // everything is chosen where that can be
}

var (
	conditionalAll = regexp.MustCompile(`\$__conditionalAll\((.*?\}\)), \$\w+\)`)
	timeFilter     = regexp.MustCompile(`\$__timeFilter\(([^()]+)\)`)
	dateFilter     = regexp.MustCompile(`\$__dateFilter\(([^()]+)\)`)
	chosen         = regexp.MustCompile(`\$\{(\w+):singlequote\}`)
)

func (f *fill) sql(t *testing.T, text string) string {
	t.Helper()
	condition := "$1"
	if f.all {
		condition = "1=1"
	}
	text = conditionalAll.ReplaceAllString(text, condition)
	text = timeFilter.ReplaceAllString(text, fmt.Sprintf("$1 >= toDateTime(%d) AND $1 <= toDateTime(%d)", f.from, f.to))
	text = dateFilter.ReplaceAllString(text, fmt.Sprintf("$1 >= toDate(toDateTime(%d)) AND $1 <= toDate(toDateTime(%d))", f.from, f.to))
	text = chosen.ReplaceAllStringFunc(text, func(found string) string {
		return "'" + strings.ReplaceAll(f.values[chosen.FindStringSubmatch(found)[1]], "'", `\'`) + "'"
	})
	if strings.Contains(text, "$") {
		t.Fatalf("a macro this test does not know: %s", text)
	}
	return text
}
