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

// Summing up to this many terms is quicker than integrating, or quick enough.
const sumTerms = 20_000

// below is P(K <= k), by summation downwards from k, or as an integral where the sum is long and smooth.
func (b BetaBinomial) below(k, n int) float64 {
	first := b.LogProb(k, n)
	if k > sumTerms && b.Deviation(n) > sumTerms/10 && min(b.Alpha, b.Beta) >= 10 {
		return min(1, math.Exp(first)*b.integral(float64(k), float64(n)))
	}
	logConcave := min(b.Alpha, b.Beta) >= 1 // then the ratio of neighbours only falls, and bounds what is left
	size := float64(n)
	sum, term := 1.0, 1.0
	for j := float64(k); j >= 1; j-- {
		ratio := j * (b.Beta + size - j) / ((size - j + 1) * (b.Alpha + j - 1))
		term *= ratio
		sum += term
		if logConcave && ratio < 1 && term < 1e-17*sum*(1-ratio) {
			break
		}
	}
	return min(1, math.Exp(first+math.Log(sum)))
}

// The nodes and weights of Gauss and Legendre's rule with eight points on [-1, 1], one half of each.
var (
	gaussNode   = [4]float64{0.18343464249564980, 0.52553240991632899, 0.79666647741362674, 0.96028985649753623}
	gaussWeight = [4]float64{0.36268378337836198, 0.31370664587788729, 0.22238103445337447, 0.10122853629037626}
)

// integral is the sum of P(K = j) / P(K = k) over j <= k by the Euler-Maclaurin formula: an integral in steps of half
// a standard deviation, half of the terms at both ends, and the slope at k.
func (b BetaBinomial) integral(k, n float64) float64 {
	at := b.logProb(k, n)
	relative := func(x float64) float64 { return math.Exp(b.logProb(x, n) - at) }
	width := b.Deviation(int(n)) / 2
	sum := (1+relative(0))/2 + (relative(k)-relative(k-1))/12
	for high := k; high > 0; high -= width {
		low := max(0, high-width)
		middle, half := (low+high)/2, (high-low)/2
		panel := 0.0
		for i, node := range gaussNode {
			panel += gaussWeight[i] * (relative(middle-half*node) + relative(middle+half*node))
		}
		sum += half * panel
		if half*panel < 1e-17*sum {
			break
		}
	}
	return sum
}

// Interval is the central predictive interval of the count among n users: each side beyond it has a probability
// of at most (1 - level) / 2.
func (b BetaBinomial) Interval(n int, level float64) (low, high int) {
	outside := (1 - level) / 2
	low = sort.Search(n, func(k int) bool { lower, _ := b.Tail(k, n); return lower > outside })
	high = sort.Search(n, func(k int) bool { _, upper := b.Tail(k+1, n); return upper <= outside })
	return low, max(low, high)
}
