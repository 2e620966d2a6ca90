package stats

// E-values of counts: evidence against "as usual" that stays honest when looked at again and again. All of them are
// logarithms, because evidence multiplies and soon leaves the range of a float.

// LogE is the logarithm of the likelihood ratio of d under the prediction with its odds multiplied, against the
// prediction itself. Where the prediction holds its exponential has mean 1 exactly: an e-value (Grünwald, de Heide and
// Koolen 2024, "Safe testing"). Days follow one another as evidence when each is predicted from the days before it.
func (b BetaBinomial) LogE(d Count, odds float64) float64 {
	return b.Shift(odds).LogProb(d.K, d.N) - b.LogProb(d.K, d.N)
}
