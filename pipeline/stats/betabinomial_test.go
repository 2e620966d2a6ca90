package stats

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// exactBetaBinomial is P(K = k) from the definition, in exact arithmetic.
func exactBetaBinomial(b BetaBinomial, k, n int) *big.Float {
	p := exact(0).SetInt(new(big.Int).Binomial(int64(n), int64(k)))
	p.Mul(p, exactRising(b.Alpha, k))
	p.Mul(p, exactRising(b.Beta, n-k))
	sum := exact(b.Alpha)
	sum.Add(sum, exact(b.Beta))
	total := exact(1)
	for i := range n {
		total.Mul(total, exact(0).Add(sum, exact(float64(i))))
	}
	return p.Quo(p, total)
}

var someBetaBinomials = []BetaBinomial{
	{1, 1}, {0.5, 0.5}, {25, 75}, {2.5, 9000}, {1e-3, 2}, {3, 0.25}, {1e6, 3e6}, {4e14, 1e15}, {1e-9, 1e9},
}

func TestBetaBinomialAgainstExactArithmetic(t *testing.T) {
	for _, b := range someBetaBinomials {
		for _, n := range []int{1, 2, 7, 150} {
			cumulative := exact(0)
			for k := range n + 1 {
				p := exactBetaBinomial(b, k, n)
				what := fmt.Sprintf("%v: %d of %d", b, k, n)
				before := float(cumulative)
				cumulative.Add(cumulative, p)
				if want := float(p); want > 1e-300 {
					nearly(t, what, math.Exp(b.LogProb(k, n)), want, 2e-13+1e-15*math.Abs(math.Log(want)))
				}
				if k%7 != 0 && k != n {
					continue
				}
				lower, upper := b.Tail(k, n)
				near(t, what+" lower", lower, float(cumulative), 1e-12)
				near(t, what+" upper", upper, 1-before, 1e-12)
				if mean := b.Mean() * float64(n); float64(k) <= mean && lower > 1e-300 {
					nearly(t, what+" lower, relative", lower, float(cumulative), 1e-11)
				}
			}
		}
	}
}

// The uniform rate makes every count equally likely (Laplace 1774).
func TestBetaBinomialOfUniformRate(t *testing.T) {
	b := BetaBinomial{1, 1}
	for _, n := range []int{10, 100_000, 2_000_000_000} {
		nearly(t, "probability", math.Exp(b.LogProb(n/3, n)), 1/float64(n+1), 1e-12)
	}
	lower, upper := b.Tail(2999, 9999)
	near(t, "lower", lower, 0.3, 1e-12)
	near(t, "upper", upper, 0.7001, 1e-12)
	if low, high := b.Interval(100, 0.95); low != 2 || high != 98 {
		t.Errorf("interval [%d, %d], want [2, 98]", low, high)
	}
}

// The integral that replaces long sums, against the sum.
func TestLongTails(t *testing.T) {
	for _, c := range []struct {
		b BetaBinomial
		n int
	}{
		{BetaBinomial{12, 30}, 400_000},
		{BetaBinomial{2000, 6000}, 2_000_000},
		{BetaBinomial{30, 2900}, 3_000_000},
		{BetaBinomial{1e8, 1e8}, 40_000_000},
		{BetaBinomial{0.5, 0.5}, 500_000},
		{BetaBinomial{1.2, 3}, 500_000},
		{BetaBinomial{0.3, 20}, 3_000_000},
		{BetaBinomial{20, 0.3}, 500_000},
		{BetaBinomial{3e5, 1.5}, 2_000_000_000},
		{BetaBinomial{20, 0.002}, 4_000_000},
	} {
		mean, deviation := c.b.Mean()*float64(c.n), c.b.Deviation(c.n)
		if deviation <= sumTerms/10 {
			t.Fatalf("%v of %d: a deviation of %v is summed anyway", c.b, c.n, deviation)
		}
		for _, z := range []float64{0.01, 0.5, 2, 4} {
			k := int(mean - z*deviation)
			if k <= sumTerms {
				continue
			}
			at := c.b.LogProb(k, c.n)
			sum, term, size := 0.0, 1.0, float64(c.n)
			for j := float64(k); j >= 0 && term > 1e-25*sum; j-- {
				sum += term
				term *= j * (c.b.Beta + size - j) / ((size - j + 1) * (c.b.Alpha + j - 1))
			}
			nearly(t, fmt.Sprintf("%v of %d at -%v", c.b, c.n, z), c.b.integral(float64(k), size), sum, 1e-8)
			lower, _ := c.b.Tail(k, c.n)
			nearly(t, "tail", lower, math.Exp(at)*sum, 1e-8)
		}
	}
}

func TestBetaBinomialLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBetaBinomial(t)
		n := rapid.IntRange(0, 3000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		at := math.Exp(b.LogProb(k, n))
		lower, upper := b.Tail(k, n)
		if !(at <= lower*(1+1e-12) && lower <= 1 && at <= upper*(1+1e-12) && upper <= 1) {
			t.Errorf("%v, %d of %d: P %v, tails %v and %v", b, k, n, at, lower, upper)
		}
		near(t, "the tails overlap in one count", lower+upper, 1+at, 1e-10)
		mirrorLower, mirrorUpper := BetaBinomial{b.Beta, b.Alpha}.Tail(n-k, n)
		near(t, "mirrored", mirrorUpper, lower, 1e-10)
		near(t, "mirrored", mirrorLower, upper, 1e-10)

		level := rapid.SampledFrom([]float64{0.5, 0.95, 0.999}).Draw(t, "level")
		low, high := b.Interval(n, level)
		below, _ := b.Tail(low-1, n)
		_, above := b.Tail(high+1, n)
		if outside := (1-level)/2 + 1e-10; below > outside || above > outside || low < 0 || low > high || high > n {
			t.Errorf("%v of %d: [%d, %d] leaves %v and %v", b, n, low, high, below, above)
		}
		odds := rapid.Float64Range(0.1, 10).Draw(t, "odds")
		shifted := b.Shift(odds)
		nearly(t, "odds", shifted.Alpha/shifted.Beta, odds*b.Alpha/b.Beta, 1e-12)
		nearly(t, "spread", shifted.Alpha+shifted.Beta, b.Alpha+b.Beta, 1e-12)
	})
}

// Both sides of the mean, each computed for itself, are everything there is, at any size.
func TestBetaBinomialTailsOfAnySize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawBetaBinomial(t)
		n := int(math.Pow(10, rapid.Float64Range(0, 9.3).Draw(t, "digits")))
		k := int(b.Mean() * float64(n))
		if k == n {
			return
		}
		near(t, fmt.Sprintf("%v, %d of %d", b, k, n), b.below(k, n)+BetaBinomial{b.Beta, b.Alpha}.below(n-k-1, n), 1, 1e-7)
	})
}

func drawBetaBinomial(t *rapid.T) BetaBinomial {
	draw := func(name string) float64 { return math.Pow(10, rapid.Float64Range(-2, 7).Draw(t, name)) }
	return BetaBinomial{draw("log alpha"), draw("log beta")}
}

func TestBetaBinomialEdges(t *testing.T) {
	b := BetaBinomial{2, 3}
	for _, c := range []struct {
		k, n         int
		lower, upper float64
	}{{-1, 5, 0, 1}, {6, 5, 1, 0}, {0, 0, 1, 1}, {5, 5, 1, math.Exp(b.LogProb(5, 5))}} {
		lower, upper := b.Tail(c.k, c.n)
		near(t, "lower", lower, c.lower, 1e-14)
		near(t, "upper", upper, c.upper, 1e-14)
	}
	if low, high := b.Interval(0, 0.95); low != 0 || high != 0 {
		t.Errorf("of nobody: [%d, %d]", low, high)
	}
	if p := b.LogProb(6, 5); !math.IsInf(p, -1) {
		t.Errorf("6 of 5 has log probability %v", p)
	}
}
