package stats

// What a normal day looks like: the rate of past days, how much it wanders, and how little we know of both.

import (
	"cmp"
	"slices"
)

// Count is one period: K successes among N users, 0 <= K <= N.
type Count struct{ K, N int }

// Baseline is the history of a rate, as a prediction for a new day.
type Baseline struct {
	// BetaBinomial predicts the successes of a new day. Its spread holds both how much days differ and how uncertain
	// the mean is.
	BetaBinomial
	// Rho is the correlation of two users of one day (0: days differ by chance alone): the variance of days' true
	// rates is Rho p (1 - p).
	Rho float64
	// Days, Users are the history that was used.
	Days, Users int
	// SetAside are the days that were left out, because they are nothing like the others.
	SetAside int
}

const (
	// A product's odds are never steadier than this from day to day (as a share of themselves): the floor of Rho.
	// It keeps a million users a day from making a change that nobody cares about significant.
	steadiestDay = 0.02
	// Before anything is known of a product, its odds are taken to wander by 10 % from day to day. That counts as much
	// as four days of history.
	usualDay, usualDays = 0.1, 4
	// A day further off than this (in standard deviations) is set aside.
	outlying = 3.0
)

// FitBaseline pools a history of days. Both moments are Kleinman's (1973, "Proportions with extraneous variance:
// single and independent samples"), with Williams's (1982, "Extra-binomial variation in logistic linear models") weights
// n / (1 + (n-1) Rho). A few days unlike the rest are set aside first, so one outage in the history neither moves the
// rate nor widens what is normal. It says false when no user is left in the history.
func FitBaseline(days []Count) (Baseline, bool) {
	days = slices.DeleteFunc(slices.Clone(days), func(d Count) bool { return d.N <= 0 })
	if len(days) == 0 {
		return Baseline{}, false
	}
	slices.SortFunc(days, func(a, b Count) int { return cmp.Or(a.N-b.N, a.K-b.K) }) // whatever the order, the same sums
	kept := withoutOutliers(days)
	b := Baseline{Days: len(kept), SetAside: len(days) - len(kept)}
	for _, d := range kept {
		b.Users += d.N
	}
	var mean, meanVariance float64
	for range 3 { // weights and Rho settle at once
		mean, meanVariance = pooled(kept, b.Rho)
		b.Rho = correlation(kept, mean, b.Rho)
	}
	spread := mean * (1 - mean)
	total := min(0.5, b.Rho+meanVariance/spread) // at 0.5 a Beta distribution is as wide as a rate without any history
	size := 1/total - 1
	b.BetaBinomial = BetaBinomial{Alpha: mean * size, Beta: (1 - mean) * size}
	return b, true
}

// pooled is the weighted mean of the days' rates, away from 0 and 1 by half a user (Jeffreys' prior), and its variance.
func pooled(days []Count, rho float64) (mean, variance float64) {
	k, n := 0.5, 1.0
	for _, d := range days {
		share := 1 / (1 + float64(d.N-1)*rho)
		k += float64(d.K) * share
		n += float64(d.N) * share
	}
	mean = k / n
	return mean, mean * (1 - mean) / n
}

// correlation is Rho by the method of moments: what the days' spread is beyond chance, pulled to what is usual by
// as much as the days are few, widened for being an estimate, and never below the floor.
func correlation(days []Count, mean, rho float64) float64 {
	spread := mean * (1 - mean)
	usual := usualDay * usualDay * spread
	var squares, chance, wander float64 // E[squares] = spread (chance + Rho wander)
	total := 0.0
	for _, d := range days {
		total += weight(d, rho)
	}
	for _, d := range days {
		w, n := weight(d, rho), float64(d.N)
		off := float64(d.K)/n - mean
		squares += w * off * off
		free := w * (1 - w/total)
		chance += free / n
		wander += free * (1 - 1/n)
	}
	freedom := float64(len(days) - 1)
	found := 0.0
	if wander > 0 {
		found = max(0, (squares/spread-chance)/wander)
	}
	evidence := freedom + usualDays
	likely := (freedom*found + usualDays*usual) / evidence
	return min(1, max(steadiestDay*steadiestDay*spread, likely*evidence/(evidence-2))) // Student's variance, not Gauss's
}

func weight(d Count, rho float64) float64 { return float64(d.N) / (1 + float64(d.N-1)*rho) }

// withoutOutliers leaves out, one after the other, the day that is the least like the rest, as long as it lies outlying
// standard deviations off, with Rousseeuw and Leroy's (1987) allowance for few days. How much days differ is judged by
// the median day, which the odd ones do not move. Fewer than five days cannot say which of them is odd, and when a
// third of the days are odd, that is what days are like.
func withoutOutliers(days []Count) []Count {
	if len(days) < 5 {
		return days
	}
	limit := outlying * (1 + 5/float64(len(days)-1))
	for kept := slices.Clone(days); 3*len(kept) > 2*len(days); {
		odd := oddest(kept, limit)
		if odd < 0 {
			return kept
		}
		kept = slices.Delete(kept, odd, odd+1)
	}
	return days
}

// oddest is the day with the least probable rate, or -1 where every day is as probable as one within limit standard
// deviations of a normal variable.
func oddest(days []Count, limit float64) int {
	mean, _ := pooled(days, 0)
	rho := typicalCorrelation(days, mean)
	mean, _ = pooled(days, rho)
	rho = max(usualDay*usualDay*mean*(1-mean)/4, rho)
	like := BetaBinomial{Alpha: mean * (1/rho - 1), Beta: (1 - mean) * (1/rho - 1)}
	found, least, furthest := -1, NormalTail(limit), 0.0
	for i, d := range days {
		off := squaredOff(d, mean, rho)
		if off <= limit*limit {
			continue // most days: no need to sum their tails
		}
		lower, upper := like.Tail(d.K, d.N)
		if p := min(lower, upper); p < least || p == least && off > furthest {
			found, least, furthest = i, p, off
		}
	}
	return found
}

// squaredOff is the squared distance of a day's rate from the mean, in variances of such a day.
func squaredOff(d Count, mean, rho float64) float64 {
	n := float64(d.N)
	off := float64(d.K) - n*mean
	return off * off / (n * mean * (1 - mean) * (1 + (n-1)*rho))
}

// typicalCorrelation is the Rho under which the median day is as far off as the median of a chi-squared variable.
func typicalCorrelation(days []Count, mean float64) float64 {
	const medianChiSquared = 0.45493642311957
	needed := make([]float64, len(days)) // the Rho at which each day is just that far off
	for i, d := range days {
		needed[i] = (squaredOff(d, mean, 0)/medianChiSquared - 1) / (float64(d.N-1) + 1e-9)
	}
	slices.Sort(needed)
	return min(0.5, max(0, needed[len(needed)/2]))
}
