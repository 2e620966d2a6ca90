package stats

// Times to an event against a known curve, by the events it would have given: the one-sample log-rank test.

import "math"

// LogRank compares the events observed in a group with those expected under a reference hazard: for each user
// the reference's cumulative hazard (Curve.Hazard) at the age where following ended, by event or censoring, summed
// over the users (Breslow 1975). Expected is in events, >= 0. Without a difference their ratio is 1.
type LogRank struct {
	Observed int
	Expected float64
}

// Z is the standardized difference, above 0 where events come faster than expected.
func (l LogRank) Z() float64 {
	if l.Expected == 0 {
		if l.Observed == 0 {
			return 0
		}
		return math.Inf(1)
	}
	return (float64(l.Observed) - l.Expected) / math.Sqrt(l.Expected)
}

// P is the exact two-sided p-value, the events being a Poisson count.
func (l LogRank) P() float64 { return PoissonP(l.Observed, l.Expected) }

// OverdispersedP is the same where the expectation is an estimate, with that squared relative uncertainty.
func (l LogRank) OverdispersedP(dispersion float64) float64 {
	return GammaPoisson{Mean: l.Expected, Dispersion: dispersion}.P(l.Observed)
}

// Ratio is the hazard ratio, observed to expected, with its exact 95 % interval (Garwood 1936). Where nothing was
// expected it is 1, from 0 to infinity, unless something happened all the same.
func (l LogRank) Ratio() (ratio, low, high float64) {
	if l.Expected == 0 {
		if l.Observed == 0 {
			return 1, 0, math.Inf(1)
		}
		return math.Inf(1), math.Inf(1), math.Inf(1)
	}
	low, high = PoissonInterval(l.Observed, 0.95)
	return float64(l.Observed) / l.Expected, low / l.Expected, high / l.Expected
}

// LogE is the logarithm of the safe log-rank test's e-value for a hazard ratio theta > 0: theta^O exp(-(theta-1) E)
// (Grünwald, Ly, Pérez-Ortiz and ter Schure 2021). It stays an e-value whenever one looks as users are followed on.
func (l LogRank) LogE(theta float64) float64 {
	return float64(l.Observed)*math.Log(theta) - (theta-1)*l.Expected
}

// LogEs are those of several hazard ratios; LogMean makes one e-value of them.
func (l LogRank) LogEs(thetas []float64) []float64 {
	logs := make([]float64, len(thetas))
	for i, theta := range thetas {
		logs[i] = l.LogE(theta)
	}
	return logs
}

// OverdispersedLogE is the likelihood ratio of a hazard ratio theta where the expectation is an estimate with
// that squared relative uncertainty: an e-value for one look at a group, not for following it on.
func (l LogRank) OverdispersedLogE(theta, dispersion float64) float64 {
	if l.Expected == 0 {
		return l.LogE(theta) // the limit
	}
	null := GammaPoisson{Mean: l.Expected, Dispersion: dispersion}
	faster := GammaPoisson{Mean: theta * l.Expected, Dispersion: dispersion}
	return faster.LogProb(l.Observed) - null.LogProb(l.Observed)
}
