package stats

// E-values of counts: evidence against "as usual" that stays honest when looked at again and again. All of them are
// logarithms, because evidence multiplies and soon leaves the range of a float.

import "math"

// OddsChanges are the alternatives worth looking for in a rate: the odds of success change by these factors.
func OddsChanges() []float64 { return []float64{0.5, 0.7, 0.85, 1 / 0.85, 1 / 0.7, 2} }

// LogE is the logarithm of the likelihood ratio of d under the prediction with its odds multiplied, against the
// prediction itself. Where the prediction holds its exponential has mean 1 exactly: an e-value (Grünwald, de Heide and
// Koolen 2024, "Safe testing"). Days follow one another as evidence when each is predicted from the days before it.
func (b BetaBinomial) LogE(d Count, odds float64) float64 {
	return b.Shift(odds).LogProb(d.K, d.N) - b.LogProb(d.K, d.N)
}

// LogEs are those of several changes of the odds; LogMean makes one e-value of them, and a Mixture follows them.
func (b BetaBinomial) LogEs(d Count, odds []float64) []float64 {
	logs := make([]float64, len(odds))
	for i, o := range odds {
		logs[i] = b.LogE(d, o)
	}
	return logs
}

// KnownRateLogE is the logarithm of the e-value of d against a rate that is known to be p0 (0 < p0 < 1), by a
// Beta(a, b) mixture of alternatives (Robbins 1970): B(a+K, b+N-K) / B(a, b) / (p0^K (1-p0)^(N-K)). It stays an
// e-value while users are added one by one and looked at each time.
func KnownRateLogE(d Count, p0, a, b float64) float64 {
	k, n := float64(d.K), float64(d.N)
	return BetaBinomial{Alpha: a, Beta: b}.logProb(k, n) - logBinomial(k, n-k, p0, 1-p0)
}

// RateSequence is the confidence sequence of a rate after d (Robbins 1970; Howard, Ramdas, McAuliffe and Sekhon 2021):
// with probability 1 - alpha it holds the true rate after every single user, however often one looks. It is made of the
// rates that KnownRateLogE with Jeffreys' prior does not refute. Without users it is 0 to 1.
func RateSequence(d Count, alpha float64) (low, high float64) {
	high = 1
	if d.N <= 0 {
		return 0, 1
	}
	enough := -math.Log(alpha)
	rate := float64(d.K) / float64(d.N)
	refuted := func(p float64) bool { return KnownRateLogE(d, p, 0.5, 0.5) >= enough }
	if d.K > 0 {
		low = bisect(0, rate, func(p float64) bool { return !refuted(p) })
	}
	if d.K < d.N {
		high = bisect(rate, 1, refuted)
	}
	return low, high
}
