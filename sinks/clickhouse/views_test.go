package clickhouse_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestViews runs the scripts below testdata/views: cells in, rows of views out.
func TestViews(t *testing.T) {
	paths, err := filepath.Glob("testdata/views/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			newScript(t).run(path)
		})
	}
}
