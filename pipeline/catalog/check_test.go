package catalog_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// today is the day of all checks in tests.
var today = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// check is what `firstlight check` prints for a file.
func check(name string, data []byte) (out string, problems catalog.Problems) {
	c, problems := catalog.Load(data, kind.All)
	if c != nil {
		problems = problems.Join(c.Warnings(today))
	}
	return problems.Format(name), problems
}

func TestCheckOutput(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no test data: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := check(filepath.Base(file), data)
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

// The examples are what people copy from: they load without a warning, on any day.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../schemas/examples/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("examples %v: %v", files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if out, problems := check(filepath.Base(file), data); len(problems) > 0 {
			t.Error(out)
		}
		if first, _, _ := strings.Cut(string(data), "\n"); first != "# yaml-language-server: $schema=../catalog.schema.json" {
			t.Errorf("%s begins with %q, so that editors do not find its schema", file, first)
		}
	}
}
