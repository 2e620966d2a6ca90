package stats

// The standard normal distribution, precise in its far tails.

import "math"

// Z95 is the 97.5 % quantile of the standard normal distribution, as the views' SQL has it.
const Z95 = 1.959963984540054

// NormalTail is P(Z >= z).
func NormalTail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }
