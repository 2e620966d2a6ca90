package stats

// Logarithms of the binomial and negative binomial probabilities by the saddle-point expansion of Loader
// (2000, "Fast and accurate computation of binomial probabilities"): the large terms of the log-gamma functions
// cancel on paper instead of in floating point, so a probability keeps its digits at any count. Counts may be
// fractions: the formulas are those of the gamma function.

import "math"

const halfLog2Pi = 0.91893853320467274178

// stirlingError is log Γ(x+1) less Stirling's approximation of it, x > 0.
func stirlingError(x float64) float64 {
	if x < 16 {
		lg, _ := math.Lgamma(x + 1)
		return lg - (x+0.5)*math.Log(x) + x - halfLog2Pi
	}
	s := 1 / (x * x)
	return (1./12 - s*(1./360-s*(1./1260-s*(1./1680-s*(1./1188-s*691./360360))))) / x
}

// deviance is x log(x/mean) + mean - x, without cancellation where x is close to the mean.
func deviance(x, mean float64) float64 {
	if x == 0 {
		return mean
	}
	diff := x - mean
	if math.Abs(diff) >= 0.1*(x+mean) {
		return x*math.Log(x/mean) - diff
	}
	v := diff / (x + mean)
	sum, term := diff*v, 2*x*v
	for j := 3.0; ; j += 2 {
		term *= v * v
		next := sum + term/j
		if next == sum {
			return sum
		}
		sum = next
	}
}

// logBinomial is log of C(x+y, x) p^x q^y, where q = 1 - p is passed to keep the digits of both.
func logBinomial(x, y, p, q float64) float64 {
	switch {
	case x == 0:
		return logPower(y, q, p)
	case y == 0:
		return logPower(x, p, q)
	case p == 0 || q == 0:
		return math.Inf(-1)
	}
	n := x + y
	return stirlingError(n) - stirlingError(x) - stirlingError(y) - deviance(x, n*p) - deviance(y, n*q) -
		halfLog2Pi - math.Log(x)/2 - math.Log(y/n)/2
}

// logPower is log p^x, given 1 - p.
func logPower(x, p, rest float64) float64 {
	if x == 0 {
		return 0
	}
	if rest < 0.5 {
		return x * math.Log1p(-rest)
	}
	return x * math.Log(p)
}

// logNegativeBinomial is log of Γ(r+k)/(Γ(r) k!) p^r q^k: k failures before the r-th success.
func logNegativeBinomial(k, r, p, q float64) float64 {
	return logBinomial(r, k, p, q) - math.Log1p(k/r)
}
