package stats

// The incomplete beta function, under the tails of gamma-Poisson counts.

import "math"

// betaBelow is the regularized incomplete beta function I_x(a, b), with y = 1 - x: P(B <= x) of a Beta(a, b). Above
// the mean it is the complement of the other tail, where the continued fraction converges at once.
func betaBelow(a, b, x, y float64) float64 {
	if x <= 0 {
		return 0
	}
	if y <= 0 {
		return 1
	}
	margin := a*y - b*x // (a + b) (mean - x)
	if margin < 0 {
		return max(0, 1-betaBelow(b, a, y, x))
	}
	front := math.Exp(logBinomial(a, b, x, y)) * (a * (b / (a + b))) // x^a y^b / B(a, b)
	return min(1, front*betaFraction(a, b, x, y, margin))
}

// betaFraction is the continued fraction of Didonato and Morris (1992, "Significant digit computation of the incomplete
// beta function ratios", eq. 9) by its forward recursion, scaled at every step. That in terms of the margin keeps its
// digits where x is nearly 1.
func betaFraction(a, b, x, y, margin float64) float64 {
	start := 1 + margin
	first := 1 + 1/a
	before, now := 0.0, 1.0 // numerators
	under, below := 1.0, start/first
	value := first / start
	for n := 1.0; n < 1e7; n++ {
		last, share := 1+(n-1)/a, a+2*n-1
		w := n * (b - n) * x
		alpha := last * (last + b/a) * (a / share) * (a / share) * (w * x)
		beta := n + w/share + (1+n/a)/(first+2*n/a)*(start+n*(y+1))
		before, now = now, alpha*before+beta*now
		under, below = below, alpha*under+beta*below
		next := now / below
		if math.Abs(next-value) <= 1e-16*next {
			return next
		}
		value = next
		before, under, now, below = before/below, under/below, next, 1
	}
	return value
}
