package stats

// Times to an event against a known curve, by the events it would have given: the one-sample log-rank test.

import "math"

// LogRank compares the events observed in a group with those expected under a reference's hazard (Breslow 1975).
// Without a difference their ratio is 1.
type LogRank struct {
	Observed int
	// Expected events, >= 0: for each user the reference's cumulative hazard at the age where following ended, by
	// event or censoring, summed over the users.
	Expected float64
	// Dispersion is the squared relative uncertainty of Expected: 0 where the reference is known.
	Dispersion float64
}

// Against is the comparison of a group with a reference curve that was estimated from other users: the reference's
// uncertainty (Aalen 1978) is in Dispersion. Ages ascend, as for KaplanMeier. Nothing is expected beyond
// reference.End: censor the group there.
func Against(reference Curve, events, censored []At) LogRank {
	var l LogRank
	atRisk, observed := 0.0, 0.0
	for _, a := range events {
		observed += a.Users
	}
	l.Observed = int(observed)
	atRisk = observed
	for _, a := range censored {
		atRisk += a.Users
	}
	variance := 0.0
	for _, d := range reference.Drops {
		for _, group := range []*[]At{&events, &censored} {
			for ; len(*group) > 0 && (*group)[0].Age < d.Age; *group = (*group)[1:] {
				atRisk -= (*group)[0].Users
			}
		}
		l.Expected += atRisk * d.Events / d.AtRisk
		variance += atRisk * atRisk * d.Events / (d.AtRisk * d.AtRisk)
	}
	if l.Expected > 0 {
		l.Dispersion = variance / (l.Expected * l.Expected)
	}
	return l
}

// predicted are the events of a group that is like the reference but for its hazard, which is theta times as high.
func (l LogRank) predicted(theta float64) GammaPoisson {
	return GammaPoisson{Mean: theta * l.Expected, Dispersion: l.Dispersion}
}

// Z is the standardized difference, above 0 where events come faster than expected.
func (l LogRank) Z() float64 {
	if l.Expected == 0 {
		if l.Observed == 0 {
			return 0
		}
		return math.Inf(1)
	}
	return (float64(l.Observed) - l.Expected) / math.Sqrt(l.Expected*(1+l.Expected*l.Dispersion))
}

// P is the exact two-sided p-value: of a Poisson count, or of a negative binomial one where the expectation is an
// estimate.
func (l LogRank) P() float64 { return l.predicted(1).P(l.Observed) }

// Ratio is the hazard ratio, observed to expected, with the exact 95 % interval that P belongs to: Garwood's (1936)
// where the expectation is known, wider where it is not. Where nothing was expected it is 1, from 0 to infinity,
// unless something happened all the same.
func (l LogRank) Ratio() (ratio, low, high float64) {
	if l.Expected == 0 {
		if l.Observed == 0 {
			return 1, 0, math.Inf(1)
		}
		return math.Inf(1), math.Inf(1), math.Inf(1)
	}
	ratio = float64(l.Observed) / l.Expected
	low, high = PoissonInterval(l.Observed, 0.95)
	low, high = low/l.Expected, high/l.Expected
	if l.Dispersion == 0 {
		return ratio, low, high
	}
	const outside = 0.025
	above := func(theta float64) bool { lower, _ := l.predicted(theta).Tail(l.Observed); return lower < outside }
	for !above(high) && high < math.MaxFloat64/4 {
		high *= 2
	}
	high = bisect(ratio, high, above)
	if l.Observed > 0 {
		low = bisect(0, low, func(theta float64) bool { _, upper := l.predicted(theta).Tail(l.Observed); return upper >= outside })
	}
	return ratio, low, high
}

// LogE is the logarithm of the e-value for a hazard ratio theta > 0. Where the expectation is known it is the safe
// log-rank test's, theta^O exp(-(theta-1) E) (Grünwald, Ly, Pérez-Ortiz and ter Schure 2021), which stays an
// e-value however often one looks as users are followed on. Where it is an estimate it is the likelihood ratio of the
// counts, for one look at a group.
func (l LogRank) LogE(theta float64) float64 {
	if l.predicted(1).plain() {
		return float64(l.Observed)*math.Log(theta) - (theta-1)*l.Expected
	}
	return l.predicted(theta).LogProb(l.Observed) - l.predicted(1).LogProb(l.Observed)
}

// LogEs are those of several hazard ratios; LogMean makes one e-value of them.
func (l LogRank) LogEs(thetas []float64) []float64 {
	logs := make([]float64, len(thetas))
	for i, theta := range thetas {
		logs[i] = l.LogE(theta)
	}
	return logs
}
