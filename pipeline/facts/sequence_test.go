package facts_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"firstlight/pipeline/facts"
)

// TestSequenceInOrderLosesNothing: however many events of later steps come before an earlier one, and however large they are, steps are
// reached as all events say, while events come in order of time.
func TestSequenceInOrderLosesNothing(t *testing.T) {
	large := strings.Repeat("x", 2000)
	rapid.Check(t, func(t *rapid.T) {
		var needs []facts.Need
		for range rapid.IntRange(2, 4).Draw(t, "steps") {
			needs = append(needs, facts.Need{Count: rapid.IntRange(1, 3).Draw(t, "count")})
		}
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		rare := uint64(1) << rapid.IntRange(0, len(needs)-1).Draw(t, "rare step")
		var s facts.Sequence
		var all []facts.Candidate
		for i := range 1500 {
			steps := r.Uint64N(1<<len(needs)-1) + 1
			if r.IntN(400) > 0 {
				if steps &^= rare; steps == 0 {
					continue
				}
			}
			c := facts.Candidate{Time: int64(1000 + i), Steps: steps, Payload: large}
			all = append(all, c)
			s.Propose(c, needs)
		}
		got := slices.Clone(s.Walk(needs, nil))
		if want := inTurn(all, needs); !slices.Equal(got, want) {
			t.Fatalf("the steps are reached at %v, want %v", got, want)
		}
	})
}

// inTurn says when steps are reached by events of different times, each of which serves one.
func inTurn(all []facts.Candidate, needs []facts.Need) (reached []int64) {
	for at := 0; len(reached) < len(needs); {
		for left := needs[len(reached)].Count; left > 0; at++ {
			if at == len(all) {
				return reached
			}
			if all[at].Steps&(1<<len(reached)) != 0 {
				left--
			}
		}
		reached = append(reached, all[at-1].Time)
	}
	return reached
}
