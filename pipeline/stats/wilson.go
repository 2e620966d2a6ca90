package stats

// The interval of a rate, as the views show it.

import "math"

// Wilson is the 95 % score interval of k successes among n (Wilson 1927), both bounds in [0, 1] with k/n between
// them. Without trials nothing is known: 0 to 1.
func Wilson(k, n float64) (low, high float64) { return score(k, n, Z95) }

// score is the interval of the rates from which k successes among n are at most z standard deviations away.
func score(k, n, z float64) (low, high float64) {
	if n <= 0 {
		return 0, 1
	}
	k = min(max(k, 0), n)
	z2 := z * z
	half := z * math.Sqrt(k*((n-k)/n)+z2/4)
	low, high = (k+z2/2-half)/(n+z2), (k+z2/2+half)/(n+z2)
	if k == 0 {
		low = 0
	}
	if k == n {
		high = 1
	}
	return low, high
}

// difference is the interval of p - q from k/n and other's score intervals with z standard deviations (Newcombe 1998, method 10), within
// [-1, 1]. Where either has no users nothing is known.
func difference(one, other Count, z float64) (low, high float64) {
	if one.N <= 0 || other.N <= 0 {
		return -1, 1
	}
	p, q := one.rate(), other.rate()
	pLow, pHigh := score(float64(one.K), float64(one.N), z)
	qLow, qHigh := score(float64(other.K), float64(other.N), z)
	return p - q - math.Hypot(p-pLow, qHigh-q), p - q + math.Hypot(pHigh-p, q-qLow)
}
