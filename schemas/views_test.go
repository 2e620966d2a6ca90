package schemas_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"firstlight/schemas"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestRenderedViews holds the statement of every view, as a server gets it, against its file in testdata/views. One
// who moves SQL between views and fragments sees here what the servers will see. `go test ./schemas -update` writes
// the files anew.
func TestRenderedViews(t *testing.T) {
	views, err := schemas.Views("firstlight")
	if err != nil {
		t.Fatal(err)
	}
	const dir = "testdata/views"
	left, err := filepath.Glob(dir + "/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	without := map[string]bool{}
	for _, path := range left {
		without[path] = true
	}
	for _, view := range views {
		path := filepath.Join(dir, view.Name+".sql")
		delete(without, path)
		if *update {
			if err := os.WriteFile(path, []byte(view.SQL), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		golden, err := os.ReadFile(path)
		if err != nil {
			t.Errorf("%v: run `go test ./schemas -update`", err)
			continue
		}
		if diff := cmp.Diff(strings.Split(string(golden), "\n"), strings.Split(view.SQL, "\n")); diff != "" {
			t.Errorf("%s differs from its golden file (-golden +rendered):\n%s", view.Name, diff)
		}
	}
	for path := range without {
		if !*update {
			t.Errorf("%s is of no view", path)
		} else if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
}
