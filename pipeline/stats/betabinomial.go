package stats

// Predicting a count of successes when the rate itself is only known as a Beta distribution.

import (
	"math"
	"sort"
)

// BetaBinomial is the predictive distribution of successes among n users whose common rate has a Beta(Alpha, Beta)
// distribution (Skellam 1948). Alpha, Beta > 0.
type BetaBinomial struct{ Alpha, Beta float64 }

// Mean is the expected rate.
func (b BetaBinomial) Mean() float64 { return b.Alpha / (b.Alpha + b.Beta) }

// Deviation is the standard deviation of the count among n users.
func (b BetaBinomial) Deviation(n int) float64 {
	size, sum := float64(n), b.Alpha+b.Beta
	return math.Sqrt(size * (b.Alpha / sum) * (b.Beta / sum) * ((sum + size) / (sum + 1)))
}

// Shift is the same with the odds of success multiplied by odds > 0 and the spread (Alpha + Beta) kept.
func (b BetaBinomial) Shift(odds float64) BetaBinomial {
	sum := b.Alpha + b.Beta
	scale := sum / (odds*b.Alpha + b.Beta)
	return BetaBinomial{Alpha: odds * b.Alpha * scale, Beta: b.Beta * scale}
}

// LogProb is log P(K = k) among n users.
func (b BetaBinomial) LogProb(k, n int) float64 {
	if k < 0 || k > n {
		return math.Inf(-1)
	}
	return b.logProb(float64(k), float64(n))
}

// logProb is a ratio of three negative binomial probabilities, whatever their common p; the p chosen makes all
// three large, so nothing cancels.
func (b BetaBinomial) logProb(k, n float64) float64 {
	if n == 0 {
		return 0
	}
	sum := b.Alpha + b.Beta
	p, q := sum/(sum+n), n/(sum+n)
	return logNegativeBinomial(k, b.Alpha, p, q) + logNegativeBinomial(n-k, b.Beta, p, q) - logNegativeBinomial(n, sum, p, q)
}

// Tail gives P(K <= k) and P(K >= k) among n users. The smaller one is summed and keeps its digits.
func (b BetaBinomial) Tail(k, n int) (lower, upper float64) {
	switch {
	case k < 0:
		return 0, 1
	case k > n:
		return 1, 0
	}
	at := math.Exp(b.LogProb(k, n))
	if float64(k) <= b.Mean()*float64(n) {
		lower = b.below(k, n)
		return lower, min(1, max(at, 1-lower+at))
	}
	upper = BetaBinomial{Alpha: b.Beta, Beta: b.Alpha}.below(n-k, n)
	return min(1, max(at, 1-upper+at)), upper
}

const (
	sumTerms = 20_000 // summing so many is quicker than integrating
	edge     = 500    // so close to 0 and n the probabilities may be too crooked to integrate, and are summed
)

// below is P(K <= k) for k up to the mean, by summation downwards from k, or as an integral where that is long.
func (b BetaBinomial) below(k, n int) float64 {
	x, size := float64(k), float64(n)
	sum := 0.0
	if k <= sumTerms || b.Deviation(n) <= sumTerms/10 {
		sum, _ = b.sum(x, size, 0)
	} else {
		sum = b.integral(x, size)
	}
	return min(1, math.Exp(b.LogProb(k, n)+math.Log(sum)))
}

// sum is that of P(K = j) / P(K = k) over last <= j <= k, until what is left is negligible. It also gives the j at which
// it ended. The ratio of neighbours has two factors: the first only falls on the way down when
// Alpha >= 1, the second falls or stays below 1, so together they bound what is left.
func (b BetaBinomial) sum(k, n, last float64) (sum, j float64) {
	sum = 1
	term := 1.0
	for j = k; j > last; j-- {
		first, second := j/(b.Alpha+j-1), (b.Beta+n-j)/(n-j+1)
		term *= first * second
		sum += term
		if bound := first * max(1, second); b.Alpha >= 1 && bound < 1 && term < 1e-17*sum*(1-bound) {
			return sum, 0
		}
	}
	return sum, j
}

// The nodes and weights of Gauss and Legendre's rule with eight points on [-1, 1], one half of each.
var (
	gaussNode   = [4]float64{0.18343464249564980, 0.52553240991632899, 0.79666647741362674, 0.96028985649753623}
	gaussWeight = [4]float64{0.36268378337836198, 0.31370664587788729, 0.22238103445337447, 0.10122853629037626}
)

// integral is the same sum down to 0: term by term near n and near 0, and between them by the Euler-Maclaurin formula,
// an integral with half of the terms and a twelfth of the slopes at both ends.
func (b BetaBinomial) integral(k, n float64) float64 {
	at := b.logProb(k, n)
	relative := func(x float64) float64 { return math.Exp(b.logProb(x, n) - at) }
	sum, high := 0.0, k
	if n-k < edge {
		sum, high = b.sum(k, n, n-edge)
		sum -= relative(high) // it comes again
	}
	if high <= edge {
		return sum + relative(high)
	}
	sum += (relative(high)+relative(edge))/2 + (slope(relative, high)-slope(relative, edge))/12
	deviation := b.Deviation(int(n))
	for high > edge {
		width := min(deviation/2, high/2, (n-high)/2)
		low := max(edge, high-width)
		panel := gauss(relative, low, high)
		sum += panel
		high = low
		if b.Alpha >= 1 && max(panel, relative(low)*low) < 1e-17*sum {
			return sum
		}
	}
	rest, _ := b.sum(edge-1, n, 0)
	return sum + relative(edge-1)*rest
}

func slope(f func(float64) float64, x float64) float64 { return (f(x+1) - f(x-1)) / 2 }

// gauss is the integral of a smooth function.
func gauss(f func(float64) float64, low, high float64) float64 {
	middle, half := (low+high)/2, (high-low)/2
	sum := 0.0
	for i, node := range gaussNode {
		sum += gaussWeight[i] * (f(middle-half*node) + f(middle+half*node))
	}
	return half * sum
}

// Interval is the central predictive interval of the count among n users: each side beyond it has a probability
// of at most (1 - level) / 2.
func (b BetaBinomial) Interval(n int, level float64) (low, high int) {
	outside := (1 - level) / 2
	low = sort.Search(n, func(k int) bool { lower, _ := b.Tail(k, n); return lower > outside })
	high = sort.Search(n, func(k int) bool { _, upper := b.Tail(k+1, n); return upper <= outside })
	return low, max(low, high)
}
