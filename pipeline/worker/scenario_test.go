package worker_test

import (
	"testing"

	"firstlight/pipeline/scenario"
)

// TestScenarios runs every scenario file through the real pipeline: each shows one rule of the contract.
func TestScenarios(t *testing.T) {
	onlyInFull(t)
	scenarios, err := scenario.LoadAll("../scenario/testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(scenarios) == 0 {
		t.Fatal("there are no scenarios")
	}
	h := newHarness(t)
	for _, s := range scenarios {
		if s.NeedsStored {
			continue // a server does not let a publisher choose the stream's own timestamps; the oracle's test runs these
		}
		t.Run(s.Name, func(t *testing.T) {
			h.t = t
			h.reset()
			h.publish(s.Messages())
			h.did(s.Actions())
			h.drain(s.Catalog, max(s.Partitions, 1))
			for _, view := range s.Views() {
				for _, problem := range s.Compare(view, h.view(view)) {
					t.Errorf("%s: %s", s.Title, problem)
				}
			}
		})
	}
}
