package catalog_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/event"
	"firstlight/pipeline/kind"
)

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "../../schemas/examples/*.yaml"} {
		files, _ := filepath.Glob(pattern)
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		c, problems := catalog.Load(data, kind.All)
		if took := time.Since(start); took > catalog.Soon {
			t.Errorf("%d bytes took %v", len(data), took)
		}
		for _, p := range problems {
			if p.Line < 1 || p.Column < 1 || p.Message == "" {
				t.Errorf("problem without a place or a message: %+v", p)
			}
		}
		if (c == nil) != problems.Failed() {
			t.Fatalf("catalog %v with\n%s", c != nil, problems.Format("f"))
		}
		if c == nil {
			return
		}
		definition := c.Definition()
		if !json.Valid(definition) || c.Changed(definition) != nil {
			t.Errorf("definition %s", definition)
		}
		again, _ := catalog.Load(data, kind.All)
		if again.Hash() != c.Hash() {
			t.Error("loading twice gives two hashes")
		}
		for i := range c.Metrics {
			if c.Formula(i) == "" || c.MetricHash(i) != again.MetricHash(i) {
				t.Errorf("metric %d: formula %q", i, c.Formula(i))
			}
		}
		c.Warnings(today)
		c.Unseen(nil, []string{})
		c.NewMatcher().Match(&event.Event{Name: "x", Properties: []byte(`{"a":1}`)})
	})
}
