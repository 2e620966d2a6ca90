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

// LogMean is the logarithm of the mean of e-values, given their logarithms: again an e-value's, whatever
// the dependence between them (Vovk and Wang 2021). Of none it is 0, the e-value that says nothing.
func LogMean(logs []float64) float64 {
	if len(logs) == 0 {
		return 0
	}
	sum := math.Inf(-1)
	for _, x := range logs {
		sum = logAdd(sum, x)
	}
	return sum - math.Log(float64(len(logs)))
}
