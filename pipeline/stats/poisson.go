package stats

// Tails of a Poisson count, and the interval of its mean.

import "math"

// PoissonTail gives P(X <= k) and P(X >= k) for a Poisson count with a mean >= 0. The smaller one is summed and keeps
// its digits, in a number of steps in the order of the root of k.
func PoissonTail(k int, mean float64) (lower, upper float64) {
	switch {
	case k < 0:
		return 0, 1
	case mean == 0:
		if k == 0 {
			return 1, 1
		}
		return 1, 0
	case math.IsInf(mean, 1):
		return 0, 1
	}
	x := float64(k)
	at := math.Exp(logPoisson(x, mean))
	if x >= mean {
		upper = poissonAbove(x, mean)
		return min(1, max(at, 1-upper+at)), upper
	}
	lower = poissonBelow(x, mean)
	return lower, min(1, max(at, 1-lower+at))
}

// poissonAbove is P(X >= x) for x >= mean: the probabilities themselves, each a smaller share of the one before.
func poissonAbove(x, mean float64) float64 {
	sum, term := 1.0, 1.0
	for j := x + 1; term > 1e-17*sum; j++ {
		term *= mean / j
		sum += term
	}
	return min(1, math.Exp(logPoisson(x, mean)+math.Log(sum)))
}

// poissonBelow is P(X <= x) for x < mean: the sum downwards ends at 0 at the latest.
func poissonBelow(x, mean float64) float64 {
	sum, term := 1.0, 1.0
	for j := x; j > 0 && term > 1e-17*sum; j-- {
		term *= j / mean
		sum += term
	}
	return min(1, math.Exp(logPoisson(x, mean)+math.Log(sum)))
}

// PoissonP is the two-sided p-value of a count k where mean were expected: twice the smaller tail, at most 1.
func PoissonP(k int, mean float64) float64 {
	lower, upper := PoissonTail(k, mean)
	return min(1, 2*min(lower, upper))
}

// PoissonInterval is the exact interval of the mean of a Poisson count k (Garwood 1936): the smallest mean of which k
// or more, and the largest of which k or fewer, is not less probable than (1 - level) / 2.
func PoissonInterval(k int, level float64) (low, high float64) {
	outside := (1 - level) / 2
	x := float64(max(k, 0))
	span := 40 + 2*NormalQuantile(1-outside/100)*math.Sqrt(x+1) // beyond either bound
	if k > 0 {
		low = bisect(max(0, x-span), x, func(mean float64) bool { _, upper := PoissonTail(k, mean); return upper >= outside })
	}
	high = bisect(x, x+span-math.Log(outside), func(mean float64) bool { lower, _ := PoissonTail(k, mean); return lower < outside })
	return low, high
}

// bisect finds where a condition that is false at low and true at high begins to hold, to the last bits of a float.
func bisect(low, high float64, holds func(float64) bool) float64 {
	for range 2000 {
		middle := low + (high-low)/2
		if middle <= low || middle >= high || high-low <= 4e-16*high {
			break
		}
		if holds(middle) {
			high = middle
		} else {
			low = middle
		}
	}
	return low + (high-low)/2
}
