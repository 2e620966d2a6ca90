package stats

// The standard normal distribution, precise in its far tails.

import "math"

// Z95 is the 97.5 % quantile of the standard normal distribution, as the views' SQL has it.
const Z95 = 1.959963984540054

// NormalTail is P(Z >= z).
func NormalTail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// TwoSidedP is P(|Z| >= |z|).
func TwoSidedP(z float64) float64 { return math.Erfc(math.Abs(z) / math.Sqrt2) }

// NormalQuantile is the z with P(Z <= z) = p: -Inf at 0, +Inf at 1. Far out, where 1 - p has no digits left, it
// solves for the logarithm of the tail by Newton's method, which such a smooth curve needs a few steps of.
func NormalQuantile(p float64) float64 {
	switch {
	case p <= 0:
		return math.Inf(-1)
	case p >= 1:
		return math.Inf(1)
	case p > 0.5:
		return -NormalQuantile(1 - p)
	case p > 0.1:
		return math.Sqrt2 * math.Erfinv(2*p-1)
	}
	z := math.Sqrt(-2 * math.Log(p)) // above the solution; from there every step stays above or lands on it
	for range 50 {
		tail := NormalTail(z)
		density := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
		if tail == 0 || density == 0 {
			z *= 0.999 // beyond what a float can hold
			continue
		}
		step := math.Log(tail/p) * tail / density
		z += step
		if math.Abs(step) <= 1e-15*z {
			break
		}
	}
	return -z
}
