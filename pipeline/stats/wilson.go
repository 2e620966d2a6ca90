package stats

// The interval of a rate, as the views show it.

import "math"

// Wilson is the 95 % score interval of k successes among n (Wilson 1927), both bounds in [0, 1] with k/n between
// them. Without trials nothing is known: 0 to 1.
func Wilson(k, n float64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	k = min(max(k, 0), n)
	const z2 = Z95 * Z95
	half := Z95 * math.Sqrt(k*((n-k)/n)+z2/4)
	low, high = (k+z2/2-half)/(n+z2), (k+z2/2+half)/(n+z2)
	if k == 0 {
		low = 0
	}
	if k == n {
		high = 1
	}
	return low, high
}
