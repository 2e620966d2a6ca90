package faults

import (
	"fmt"
	"slices"
	"testing"

	"firstlight/cmd/firstlight-chaos/internal/lab"
	"firstlight/cmd/firstlight-chaos/internal/servers"
)

// TestDeck: a run has 300 faults to choose from of which no two are the same, in an order that the seed decides, kinds before repetitions.
func TestDeck(t *testing.T) {
	l := &lab.Lab{Cluster: &servers.Cluster{}}
	for i := range 3 {
		l.Workers = append(l.Workers, &servers.Worker{Name: fmt.Sprint("worker ", i+1)})
		l.Cluster.Nodes = append(l.Cluster.Nodes, &servers.Node{Name: fmt.Sprint("n", i+1)})
	}
	texts := func(seed uint64) (all []string) {
		for _, lane := range Deck(l, seed) {
			kinds, repeated := map[string]bool{}, false
			for _, f := range lane {
				all = append(all, f.String())
				again := kinds[f.Kind+f.Moment]
				if repeated && !again {
					t.Errorf("%s comes after repetitions", f)
				}
				kinds[f.Kind+f.Moment], repeated = true, repeated || again
			}
		}
		return all
	}
	first := texts(1)
	if !slices.Equal(first, texts(1)) {
		t.Error("the same seed gives another order")
	}
	if slices.Equal(first, texts(2)) {
		t.Error("another seed gives the same order")
	}
	distinct := map[string]bool{}
	for _, text := range first {
		if distinct[text] {
			t.Errorf("twice: %s", text)
		}
		distinct[text] = true
	}
	if len(distinct) < 300 {
		t.Errorf("there are %d faults", len(distinct))
	}
}
