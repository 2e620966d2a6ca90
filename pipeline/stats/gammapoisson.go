package stats

// Counts whose expected number is itself only estimated, and what their absence means.

import "math"

// GammaPoisson is the predictive distribution of a count whose mean has a Gamma distribution (Greenwood and Yule
// 1920): negative binomial with Mean > 0 and variance Mean + Dispersion Mean². Dispersion >= 0 is the squared relative
// uncertainty of the mean; 0 is a plain Poisson count.
type GammaPoisson struct{ Mean, Dispersion float64 }

// GammaPosterior is the prediction for an exposure, given that a unit of exposure yields a Gamma(shape, rate) number:
// after k events in the past exposure T under Jeffreys' prior, shape k + 1/2 and rate T.
func GammaPosterior(shape, rate, exposure float64) GammaPoisson {
	return GammaPoisson{Mean: shape / rate * exposure, Dispersion: 1 / shape}
}

// parameters are those of the negative binomial distribution: failures before the r-th success of probability p.
func (g GammaPoisson) parameters() (r, p, q float64) {
	spread := g.Mean * g.Dispersion
	return 1 / g.Dispersion, 1 / (1 + spread), spread / (1 + spread)
}

// Below this dispersion the distribution is a Poisson one to the last digit that matters.
const noDispersion = 1e-14

func (g GammaPoisson) plain() bool { return g.Dispersion <= noDispersion || g.Mean == 0 }

// LogProb is log P(X = k).
func (g GammaPoisson) LogProb(k int) float64 {
	switch {
	case k < 0:
		return math.Inf(-1)
	case k == 0:
		return SilenceLogP(g.Mean, g.Dispersion)
	case g.plain():
		return logPoisson(float64(k), g.Mean)
	}
	r, p, q := g.parameters()
	return logNegativeBinomial(float64(k), r, p, q)
}

// Tail gives P(X <= k) and P(X >= k).
func (g GammaPoisson) Tail(k int) (lower, upper float64) {
	switch {
	case k < 0:
		return 0, 1
	case g.plain():
		return PoissonTail(k, g.Mean)
	}
	r, p, q := g.parameters()
	lower = betaBelow(r, float64(k)+1, p, q)
	if k == 0 {
		return lower, 1
	}
	return lower, betaBelow(float64(k), r, q, p)
}

// P is the two-sided p-value of a count k: twice the smaller tail, at most 1.
func (g GammaPoisson) P(k int) float64 {
	lower, upper := g.Tail(k)
	return min(1, 2*min(lower, upper))
}

// SilenceLogP is log P(X = 0) where expected events were foreseen with that dispersion: -expected when the
// expectation is certain, less extreme when it is not, because (1 + d m)^(-1/d) > exp(-m).
func SilenceLogP(expected, dispersion float64) float64 {
	if dispersion <= noDispersion {
		return -expected
	}
	return -math.Log1p(dispersion*expected) / dispersion
}

// QuietEnough says whether no event at all is evidence at level alpha that something is broken.
func QuietEnough(expected, dispersion, alpha float64) bool {
	return SilenceLogP(expected, dispersion) <= math.Log(alpha)
}
