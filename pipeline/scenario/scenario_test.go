package scenario

import (
	"hash/fnv"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/kind"
	"firstlight/pipeline/oracle"
)

// partitionOf spreads subjects over n partitions.
func partitionOf(n int) func(string) int {
	return func(subject string) int {
		h := fnv.New32a()
		h.Write([]byte(subject))
		return int(h.Sum32() % uint32(n))
	}
}

// TestOracle holds the oracle against every scenario, with one partition and, where that must not matter, with four.
func TestOracle(t *testing.T) {
	all, err := LoadAll("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		t.Fatal("no scenarios")
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			for _, partitions := range []int{1, 4} {
				if s.Partitions != 0 && s.Partitions != partitions {
					continue
				}
				result, err := oracle.ComputeWith(oracle.Options{Actions: s.Actions()}, s.Catalog, s.Messages(), partitionOf(partitions), s.AsOf())
				if err != nil {
					t.Fatal(err)
				}
				for _, view := range s.Views() {
					for _, problem := range s.Compare(view, result.Views[view]) {
						t.Errorf("%d partitions: %s", partitions, problem)
					}
				}
			}
		})
	}
}

// TestCatalogs holds the scenarios' catalogs against the checker.
func TestCatalogs(t *testing.T) {
	all, err := LoadAll("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if _, problems := catalog.Load(s.Catalog, kind.All); problems.Failed() {
			t.Errorf("%s: %v", s.Name, problems)
		}
	}
}

// TestReadme runs the scenario that the README shows.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.SplitN(string(text), "```\n", 3)
	path := filepath.Join(t.TempDir(), "readme.txt")
	if err := os.WriteFile(path, []byte(parts[1]), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	result, err := oracle.Compute(s.Catalog, s.Messages(), partitionOf(4), s.AsOf())
	if err != nil {
		t.Fatal(err)
	}
	for _, view := range s.Views() {
		for _, problem := range s.Compare(view, result.Views[view]) {
			t.Error(problem)
		}
	}
	if _, problems := catalog.Load(s.Catalog, kind.All); problems.Failed() {
		t.Error(problems)
	}
}
