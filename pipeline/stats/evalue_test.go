package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestKnownRateLogEPublished(t *testing.T) {
	// B(a+k, b+n-k) / B(a, b) / (p0^k (1-p0)^(n-k)) with a = b = 1/2, by scipy's betaln
	nearly(t, "75 of 412", math.Exp(KnownRateLogE(Count{75, 412}, 0.249, 0.5, 0.5)), 7.793224410719292, 1e-9)
	nearly(t, "100 of 412", math.Exp(KnownRateLogE(Count{100, 412}, 0.249, 0.5, 0.5)), 0.04103457410841831, 1e-9)
}

// expectation is the expected e-value under a null distribution of counts.
func expectation(n int, null, logE func(Count) float64) float64 {
	sum := 0.0
	for k := range n + 1 {
		sum += math.Exp(null(Count{k, n}) + logE(Count{k, n}))
	}
	return sum
}

func TestEValuesAreFair(t *testing.T) {
	for _, b := range someBetaBinomials {
		null := func(d Count) float64 { return b.LogProb(d.K, d.N) }
		for _, n := range []int{0, 1, 40, 1500} {
			for _, odds := range OddsChanges() {
				near(t, fmt.Sprint(b, n, odds), expectation(n, null, func(d Count) float64 { return b.LogE(d, odds) }), 1, 1e-9)
			}
			near(t, "mixture", expectation(n, null, func(d Count) float64 { return LogMean(b.LogEs(d, OddsChanges())) }), 1, 1e-9)
		}
	}
	for _, p := range []float64{1e-6, 0.249, 0.5, 0.999} {
		for _, n := range []int{0, 1, 40, 1500} {
			null := func(d Count) float64 { return logBinomial(float64(d.K), float64(d.N-d.K), p, 1-p) }
			near(t, "known rate", expectation(n, null, func(d Count) float64 { return KnownRateLogE(d, p, 0.5, 0.5) }), 1, 1e-9)
		}
	}
}

// Sixty looks at a growing cohort: the published shares of false alarms are 0.0057 and, for a 95 % interval, 0.3322.
func TestRepeatedLooks(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 12))
	const cohorts, looks, users, rate = 2000, 60, 50, 0.25
	var sequence, wilson int
	for range cohorts {
		d := Count{}
		var excluded, refuted bool
		for range looks {
			d.N += users
			for range users {
				if random.Float64() < rate {
					d.K++
				}
			}
			low, high := Wilson(float64(d.K), float64(d.N))
			excluded = excluded || rate < low || rate > high
			refuted = refuted || KnownRateLogE(d, rate, 0.5, 0.5) >= math.Log(20)
		}
		if excluded {
			wilson++
		}
		if refuted {
			sequence++
		}
	}
	near(t, "e-process", float64(sequence)/cohorts, 0.0057, 0.006)
	near(t, "interval", float64(wilson)/cohorts, 0.3322, 0.04)
}

func TestRateSequenceLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := int(math.Pow(10, rapid.Float64Range(0, 8).Draw(t, "digits")))
		d := Count{K: rapid.IntRange(0, n).Draw(t, "k"), N: n}
		low, high := RateSequence(d, 0.05)
		rate := float64(d.K) / float64(n)
		if !(0 <= low && low <= rate && rate <= high && high <= 1) {
			t.Errorf("%v: [%v, %v]", d, low, high)
		}
		wilsonLow, wilsonHigh := Wilson(float64(d.K), float64(n))
		if n >= 20 && high-low < wilsonHigh-wilsonLow {
			t.Errorf("%v: [%v, %v] is narrower than at a single look", d, low, high)
		}
		mirrorLow, mirrorHigh := RateSequence(Count{n - d.K, n}, 0.05)
		near(t, "mirrored", mirrorLow, 1-high, 1e-9)
		near(t, "mirrored", mirrorHigh, 1-low, 1e-9)
	})
	if low, high := RateSequence(Count{}, 0.05); low != 0 || high != 1 {
		t.Errorf("of nobody: [%v, %v]", low, high)
	}
}
