package main

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestCandidatesLieInTheirRanges(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		logs := draw(r, nil, 0)
		p := parameters(logs)
		if p.Short < 2 || p.Long < p.Short || p.Local < 20 || p.UsualDays < 1 || p.UsualShare > 1 || p.History < 1000 {
			t.Fatalf("%+v", p)
		}
		for i, v := range draw(r, logs, rarities) {
			if kept := v == logs[i]; kept != (i < rarities) {
				t.Fatalf("parameter %d is %v after %v", i, v, logs[i])
			}
		}
	}
}

// What earns most in the series of one half is chosen by that half, whatever the others earn.
func TestMostEarned(t *testing.T) {
	var tried []candidate
	for i := range 100 {
		c := candidate{logs: make([]float64, len(ranges)), earned: []float64{float64(i), -float64(i), 1e9}}
		c.logs[0] = float64(i)
		tried = append(tried, c)
	}
	for series, want := range []float64{(94 + 99) / 2.0, (0 + 5) / 2.0} {
		if got := mostEarned(tried, []int{series})[0]; math.Abs(got-want) > 1e-9 {
			t.Errorf("series %d chooses %v, want the mean of the best six, %v", series, got, want)
		}
	}
}
