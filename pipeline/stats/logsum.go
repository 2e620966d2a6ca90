package stats

// Sums of numbers that are only held as logarithms.

import "math"

// logAdd is log(exp(a) + exp(b)).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(a, 0) || math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// LogWeightedMean is the logarithm of the weighted mean of e-values, given their logarithms: again an e-value's, whatever the
// dependence between them (Vovk and Wang 2021). The weights, of which at least one is above 0, do not depend on the e-values.
func LogWeightedMean(logs, weights []float64) float64 {
	sum, total := math.Inf(-1), 0.0
	for i, x := range logs {
		if weights[i] > 0 {
			sum, total = logAdd(sum, x+math.Log(weights[i])), total+weights[i]
		}
	}
	return sum - math.Log(total)
}
