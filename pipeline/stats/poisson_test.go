package stats

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// exactPoissonBelow is P(X <= k), summed in exact arithmetic; exp(-mean) alone is a float's.
func exactPoissonBelow(k int, mean float64) float64 {
	sum, term := exact(1), exact(1)
	for j := 1; j <= k; j++ {
		term.Mul(term, exact(mean))
		term.Quo(term, exact(float64(j)))
		sum.Add(sum, term)
	}
	mantissa := new(big.Float)
	exponent := sum.MantExp(mantissa)
	return float(mantissa) * math.Exp(float64(exponent)*math.Ln2-mean)
}

func TestPoissonTailAgainstExactArithmetic(t *testing.T) {
	for _, mean := range []float64{1e-9, 0.3, 1, 4.6, 25, 300, 2500} {
		for _, k := range []int{0, 1, 3, 10, 26, 280, 300, 330, 2400} {
			want := exactPoissonBelow(k, mean)
			what := fmt.Sprintf("at most %d of %v", k, mean)
			lower, upper := PoissonTail(k, mean)
			if float64(k) < mean && want > 1e-290 {
				nearly(t, what, lower, want, 1e-12)
			}
			near(t, what, lower, want, 1e-12)
			if k > 0 {
				near(t, fmt.Sprintf("at least %d of %v", k, mean), upper, 1-exactPoissonBelow(k-1, mean), 1e-12)
			}
		}
	}
}

func TestPoissonIntervalPublished(t *testing.T) {
	// R survival 3.5-3: cipoisson(k, method = "exact"), chi-squared quantiles; Garwood, Biometrika 1936;28:437-442.
	for _, c := range []struct {
		k         int
		low, high float64
	}{
		{0, 0, 3.688879454},
		{1, 0.02531780798, 5.57164339094},
		{10, 4.795388696, 18.390356042},
		{100, 81.36399125, 121.62679379},
	} {
		low, high := PoissonInterval(c.k, 0.95)
		near(t, "low", low, c.low, 1e-8)
		near(t, "high", high, c.high, 1e-8)
	}
}

func TestPoissonLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mean := math.Pow(10, rapid.Float64Range(-6, 6).Draw(t, "log mean"))
		k := rapid.IntRange(0, int(3*mean)+20).Draw(t, "k")
		lower, upper := PoissonTail(k, mean)
		at := math.Exp(logPoisson(float64(k), mean))
		near(t, "the tails overlap in one count", lower+upper, 1+at, 1e-11)
		more, _ := PoissonTail(k, mean*1.01)
		if more > lower*(1+1e-12) {
			t.Errorf("P(X <= %d) rises from %v to %v with the mean", k, lower, more)
		}
		level := rapid.SampledFrom([]float64{0.8, 0.95, 0.9999}).Draw(t, "level")
		low, high := PoissonInterval(k, level)
		if !(0 <= low && low <= float64(k) && float64(k) < high) {
			t.Errorf("interval of %d: [%v, %v]", k, low, high)
		}
		below, _ := PoissonTail(k, high)
		nearly(t, "beyond the upper bound", below, (1-level)/2, 1e-6)
		if k > 0 {
			_, above := PoissonTail(k, low)
			nearly(t, "beyond the lower bound", above, (1-level)/2, 1e-6)
		}
	})
}

func TestPoissonEdges(t *testing.T) {
	for _, c := range []struct {
		k            int
		mean         float64
		lower, upper float64
	}{{0, 0, 1, 1}, {1, 0, 1, 0}, {-1, 3, 0, 1}, {5, math.Inf(1), 0, 1}, {0, 1e300, 0, 1}} {
		if lower, upper := PoissonTail(c.k, c.mean); lower != c.lower || upper != c.upper {
			t.Errorf("PoissonTail(%d, %v) = %v, %v", c.k, c.mean, lower, upper)
		}
	}
	near(t, "p at the mean", PoissonP(100, 100), 1, 0)
	near(t, "p of silence", PoissonP(0, 10), 2*math.Exp(-10), 1e-17)
}
