package stats

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// The odds of success change by these factors.
var oddsChanges = []float64{0.5, 0.7, 0.85, 1 / 0.85, 1 / 0.7, 2}

// logEs are the e-values of those changes.
func logEs(b BetaBinomial, d Count) []float64 {
	logs := make([]float64, len(oddsChanges))
	for i, odds := range oddsChanges {
		logs[i] = b.LogE(d, odds)
	}
	return logs
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
			for _, odds := range oddsChanges {
				near(t, fmt.Sprint(b, n, odds), expectation(n, null, func(d Count) float64 { return b.LogE(d, odds) }), 1, 1e-9)
			}
			near(t, "mixture", expectation(n, null, func(d Count) float64 {
				logs := logEs(b, d)
				return LogWeightedMean(logs, slices.Repeat([]float64{1}, len(logs)))
			}), 1, 1e-9)
		}
	}
}
