package kind_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

// A kind is named in its room, in its own file of the oracle, and in the list of kinds: whoever else names one asks what kind a
// metric is, and a new kind would have to find the place.
func TestKindsAreNamedInTheirRooms(t *testing.T) {
	names := kind.With(func(catalog.Traits) bool { return true })
	named := regexp.MustCompile("[\"'`](" + strings.Join(names, "|") + ")[\"'`]")
	files := 0
	for _, folder := range []string{"../../cmd", "../../pipeline", "../../sinks", "../../schemas"} {
		err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || own(path, names) || !slices.Contains([]string{".go", ".sql", ".js", ".tmpl"}, filepath.Ext(path)) {
				return err
			}
			files++
			text, err := os.ReadFile(path)
			for i, line := range strings.Split(string(text), "\n") {
				if found := named.FindString(line); found != "" {
					t.Errorf("%s:%d names the kind %s: %s", path, i+1, found, strings.TrimSpace(line))
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 300 {
		t.Errorf("only %d files were read", files)
	}
}

// own reports whether a file may name kinds: it belongs to one, or to a test.
func own(path string, names []string) bool {
	if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/testdata/") || strings.HasSuffix(path, "/memstore/counts.go") {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return strings.Contains(path, "/kind/"+name+"/") || strings.HasSuffix(path, "/oracle/"+name+".go")
	})
}

// A room is whole: whoever adds a kind reads here what is missing.
func TestRoomsAreWhole(t *testing.T) {
	for _, k := range kind.All {
		missing := func(format string, args ...any) { t.Helper(); t.Errorf("%s: "+format, append([]any{k}, args...)...) }
		has := func(path string) bool { _, err := fs.Stat(k.Files(), path); return err == nil }
		for _, path := range []string{
			"schema.json", "page/words.js", "page/panels.js", "page/parts/waiting.sql",
			"page/" + k.String() + "_line.sql", "page/" + k.String() + "_cohorts.sql", "page/" + k.String() + "_segments.sql",
		} {
			if !has(path) {
				missing("there is no %s", path)
			}
		}
		if views, _ := fs.Glob(k.Files(), "views/"+k.String()+"_*.sql"); len(views) == 0 {
			missing("there is no view of its own")
		}
		traits, week := k.Traits(), &catalog.Metric{Within: 7 * 24 * time.Hour}
		ways := map[bool]int{true: 1}
		if traits.ByAge != (len(k.Ages(week)) > 0) || ways[traits.ByAge]+ways[traits.ByPeriod.View != ""]+ways[traits.ByWindow.View != ""] != 1 {
			missing("users are compared by age at some ages, by window in a view, or by period: %+v, ages %v", traits, k.Ages(week))
		}
		for _, view := range []string{traits.ByWindow.View, traits.ByPeriod.View, traits.Medians} {
			if view != "" && !has("views/"+view+".sql") {
				missing("the view %s is not its own", view)
			}
		}
		if (traits.Time == "") != (traits.Medians == "") {
			missing("a time has a view with its medians: %+v", traits)
		}
		keysAgree(t, k)
	}
}

// keysAgree holds a kind's part of the schema against its keys; within is shared.
func keysAgree(t *testing.T, k kind.Kind) {
	t.Helper()
	data, err := fs.ReadFile(k.Files(), "schema.json")
	if err != nil {
		return
	}
	var schema struct {
		Required   []string
		Properties map[string]any
	}
	if err := json.Unmarshal(data, &schema); err != nil {
		t.Errorf("%s: schema.json: %v", k, err)
	}
	want := slices.DeleteFunc(slices.Clone(k.Keys()), func(key string) bool { return key == "within" })
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(schema.Properties)); !slices.Equal(got, want) {
		t.Errorf("%s: schema.json has the keys %v, the catalog %v", k, got, want)
	}
	for _, key := range schema.Required {
		if !slices.Contains(k.Keys(), key) {
			t.Errorf("%s: schema.json requires %s, which is no key", k, key)
		}
	}
}
