package stats

// An experiment that is looked at whenever one likes: the difference of two rates, and whether users were dealt as was meant.

import "math"

// tightest is the size of an experiment at which AlwaysDifference is closest to an interval that is looked at once, as the intrinsic
// time nA nB / (nA + nB) of the users of two variants: 2,000 in each. There it is 1.55 times as wide, at a tenth of it 1.97
// times, at ten times 1.65 times.
const tightest = 1000

// AlwaysDifference is a 95 % interval of the difference of two rates, variant's minus control's, that holds however often one looks: with a
// probability of 95 % it holds the true difference at all times at once, and so do, together, those of as many variants as are compared with one
// control (Bonferroni). It is a function of the counts alone, so whoever counts late or again corrects it. The bounds are in [-1, 1] with
// the observed difference between them; where either has no users nothing is known: -1 to 1.
//
// It is Newcombe's interval with as many standard deviations as Robbins' normal mixture asks for at this size (Howard, Ramdas, McAuliffe and
// Sekhon 2021, "Time-uniform, nonparametric, nonasymptotic confidence sequences", equation 14): asymptotic, and safe with few users or rare
// successes, because score intervals and the mixture are both wide there. The mixture is over the difference alone, so users may come to
// the variants in any order. Tried beside it, looked at daily for 60 days: the product of both variants' beta-binomial mixtures, which is
// exact, is 1.5 times as wide, and found 3.6 % of differences of which this found 51.5 %; the mixture with an estimated standard error instead of
// score intervals was false in 8.7 % of runs where a tenth of the users were in one variant and one in a hundred succeeded.
func AlwaysDifference(variant, control Count, compared int) (low, high float64) {
	if variant.N <= 0 || control.N <= 0 {
		return -1, 1
	}
	size := 1 / (1/float64(variant.N) + 1/float64(control.N))
	z := mixtureBound(size, mixtureRho(tightest, 0.05), 0.05/float64(compared)) / math.Sqrt(size)
	return difference(variant, control, z)
}

// mixtureRho is the variance of Robbins' mixture that makes its boundary tightest at an intrinsic time (Howard et al. 2021, section 3.5, with
// the approximation of the authors' package confseq).
func mixtureRho(time, alpha float64) float64 {
	once := 2 * math.Log(1/alpha)
	return time / (once + math.Log1p(once))
}

// mixtureBound is what a sum whose variance has grown to v ever exceeds, on either side, with a probability of at most alpha: the two-sided
// normal mixture (Robbins 1970).
func mixtureBound(v, rho, alpha float64) float64 {
	return math.Sqrt((v + rho) * (math.Log1p(v/rho) + 2*math.Log(1/alpha)))
}

// SampleRatio is the p-value of users having been dealt to variants in these shares, which are above 0 and add up to 1. However often
// one looks, it is ever at or below p with a probability of at most p: it is the reciprocal of an e-process, the likelihood of the counts if
// the shares had been drawn from Dirichlet distributions around those that were meant, over their likelihood in those that were meant
// (Lindon and Malek 2022, "Anytime-valid inference for multinomial count data"). It is a function of the counts alone and may rise again.
//
// Two distributions share the evidence: one of any deal at all, which a handful of users betrays, and one of deals that are off by some
// hundredths, which is what broken experiments are like: 20 users to 2 have p = 0.0025, 5,200 to 4,800 have 0.0041.
func SampleRatio(users []int, shares []float64) (p float64) {
	wide, narrow := dealt(users, shares, 2), dealt(users, shares, 500)
	return math.Exp(min(0, math.Ln2-logAdd(wide, narrow)))
}

// dealt is the logarithm of the likelihood of the counts when the shares are drawn from a Dirichlet distribution that is as sure of those
// that were meant as if it had seen so many users, over that in those that were meant.
func dealt(users []int, shares []float64, sure float64) (logE float64) {
	total := 0.0
	for i, n := range users {
		seen := float64(n)
		total += seen
		logE += logGamma(sure*shares[i]+seen) - logGamma(sure*shares[i]) - seen*math.Log(shares[i])
	}
	return logE + logGamma(sure) - logGamma(sure+total)
}

func logGamma(x float64) float64 {
	log, _ := math.Lgamma(x)
	return log
}
