package stats

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestNormalTail(t *testing.T) {
	// R: qnorm(p)
	for _, c := range []struct{ p, z float64 }{
		{0.5, 0},
		{0.975, Z95},
		{0.025, -Z95},
		{0.9, 1.2815515655446004},
		{0.0013498980316300933, -3},
		{2.866515718791933e-07, -5},
		{7.61985302416047e-24, -10},
		{2.753624118606233e-89, -20},
	} {
		nearly(t, "tail", NormalTail(-c.z), c.p, 1e-13)
		near(t, "symmetric", NormalTail(c.z), 1-c.p, 1e-15)
	}
}

func TestWilson(t *testing.T) {
	checked := 0
	for id, f := range references(t, "..", "oracle", "testdata", "reference_values.json") {
		if len(id) < 7 || id[:7] != "wilson_" {
			continue
		}
		var in struct{ K, N float64 }
		var want [2]float64
		f.decode(t, &in, &want)
		low, high := Wilson(in.K, in.N)
		near(t, id+" low", low, want[0], f.Tol.(float64))
		near(t, id+" high", high, want[1], f.Tol.(float64))
		checked++
	}
	if checked < 12 {
		t.Errorf("only %d reference values", checked)
	}
	if low, high := Wilson(0, 0); low != 0 || high != 1 {
		t.Errorf("of nobody: [%v, %v]", low, high)
	}
}

func TestWilsonLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := math.Floor(math.Pow(10, rapid.Float64Range(0, 15).Draw(t, "digits")))
		k := math.Floor(n * rapid.Float64Range(0, 1).Draw(t, "share"))
		low, high := Wilson(k, n)
		if !(0 <= low && low <= k/n && k/n <= high && high <= 1) {
			t.Errorf("Wilson(%v, %v) = [%v, %v]", k, n, low, high)
		}
		mirrorLow, mirrorHigh := Wilson(n-k, n)
		near(t, "mirrored low", mirrorLow, 1-high, 1e-15)
		near(t, "mirrored high", mirrorHigh, 1-low, 1e-15)
	})
}
