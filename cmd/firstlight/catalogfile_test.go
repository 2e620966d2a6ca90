package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/zap"
)

// TestCatalogFileIsWatched: of a file that changes what is right is told once, and what is wrong is said with its line.
func TestCatalogFileIsWatched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(testCatalog)
	f, _, err := (&Settings{Catalog: path}).catalogFile(nil)
	if err != nil {
		t.Fatal(err)
	}
	told := []string{}
	look := func() { f.look(zap.NewNop(), func(source []byte) { told = append(told, string(source)) }) }
	other := strings.Replace(testCatalog, "within: 7d", "within: 2d", 1)
	for _, step := range []struct {
		what  string
		write func()
		wrong string
		told  int
	}{
		{"as it was", func() {}, "", 0},
		{"wrong", func() { write(strings.Replace(testCatalog, "within: 7d", "within: soon", 1)) }, "catalog.yaml:13:", 0},
		{"put back", func() { write(testCatalog) }, "", 0},
		{"gone", func() { _ = os.Remove(path) }, "cannot be read", 0},
		{"another", func() { write(other) }, "", 1},
		{"the same again", func() { write(other) }, "", 1},
	} {
		step.write()
		look()
		if got := f.wrong(); !strings.Contains(got, step.wrong) || step.wrong == "" && got != "" {
			t.Errorf("%s: it says %q, want %q", step.what, got, step.wrong)
		}
		if len(told) != step.told {
			t.Errorf("%s: told %d times, want %d", step.what, len(told), step.told)
		}
	}
	if len(told) == 1 && told[0] != other {
		t.Error("something else was told than the file holds")
	}
}
