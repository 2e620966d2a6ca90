package stats

// What the absence of events means, when the number expected is itself only estimated.

import "math"

// Below this dispersion a count is a Poisson one to the last digit that matters.
const noDispersion = 1e-14

// SilenceLogP is log P(X = 0) of a count whose mean has a Gamma distribution (Greenwood and Yule 1920): expected >= 0 is
// that mean's mean, dispersion >= 0 its squared relative uncertainty. It is -expected when the expectation is certain,
// less extreme when it is not, because (1 + d m)^(-1/d) > exp(-m).
func SilenceLogP(expected, dispersion float64) float64 {
	if dispersion <= noDispersion {
		return -expected
	}
	return -math.Log1p(dispersion*expected) / dispersion
}
