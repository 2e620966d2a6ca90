package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

func TestCUSUMRunLengthPublished(t *testing.T) {
	// Lucas and Crosier, Technometrics 1982;24:199-205, table 1: slack 0.5, limit 4, two-sided
	for shift, want := range map[float64]float64{0: 168, 0.25: 74.2, 0.5: 26.6, 0.75: 13.3, 1: 8.38, 1.5: 4.75, 2: 3.34} {
		nearly(t, fmt.Sprint("shift ", shift), CUSUMRunLength(0.5, 4, shift), want, 0.05)
	}
	// Vance, Journal of Quality Technology 1986, table 1: one-sided, slack 0, limit 10
	for shift, want := range map[float64]float64{-0.25: 2071.51, -0.125: 400.28, 0: 124.66, 0.125: 59.30, 0.25: 36.71, 0.5: 20.37} {
		nearly(t, fmt.Sprint("shift ", shift), oneSidedRunLength(shift, 10), want, 0.05)
	}
	// Limits for slack 0.5, computed numerically
	for length, want := range map[float64]float64{500: 5.0707, 1000: 5.7574, 5000: 7.3608, 100_000: 10.3547, 1_000_000: 12.6572} {
		near(t, fmt.Sprint("limit for ", length), CUSUMLimit(0.5, length), want, 0.01)
	}
	near(t, "continuous", oneSidedRunLength(1e-9, 4), oneSidedRunLength(1e-4, 4), 0.1)
}

func TestNormalCUSUM(t *testing.T) {
	random := rand.New(rand.NewPCG(21, 22))
	limit := CUSUMLimit(0.5, 200)
	const runs = 1000
	steps := 0
	for range runs {
		c := NormalCUSUM{Slack: 0.5}
		for steps++; c.Step(random.NormFloat64()) < limit; steps++ {
			if c.Up < 0 || c.Down < 0 || math.IsNaN(c.Up+c.Down) {
				t.Fatalf("%+v", c)
			}
		}
	}
	nearly(t, "run length", float64(steps)/runs, 200, 0.1)
}
