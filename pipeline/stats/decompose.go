package stats

// Why a rate changed: did people of the same kind behave differently, or did other people come?

import "math"

// Part is one segment value in two periods, before and after.
type Part struct{ Before, After Count }

// Effect is what one segment value adds to the change of the overall rate, Rate + Mix.
type Effect struct {
	// Rate: its users succeed more or less often than they did.
	Rate float64
	// Mix: it makes up more or fewer of the users, and succeeds more or less often than the average.
	Mix float64
}

// Total is what the value adds altogether.
func (e Effect) Total() float64 { return e.Rate + e.Mix }

// Decomposition splits the change of an overall rate (Kitagawa 1955, "Components of a difference between two rates").
type Decomposition struct {
	// Change is the overall rate after, less the one before: the sum of all Effects.
	Change float64
	// Effects are those of the parts, in their order.
	Effects []Effect
	// Rate, Mix are their sums, with standard errors by the delta method: of binomial rates and multinomial shares.
	Rate, Mix           float64
	RateError, MixError float64
}

// Decompose explains the change of a rate by the values of a segment: w is a value's share of the users and r
// its rate, 0 before and 1 after,
//
//	rate effect = (r1 - r0) (w0 + w1) / 2
//	mix effect  = (w1 - w0) ((r0 + r1) / 2 - m), m the mean of both overall rates,
//
// which add up exactly, and do not depend on which period comes first but for their sign. A value without users in
// one period is taken to have had its other rate then: all of its effect is mix. It says false when one of
// the periods has no users at all.
func Decompose(parts []Part) (Decomposition, bool) {
	var before, after Count
	for _, p := range parts {
		before, after = before.plus(p.Before), after.plus(p.After)
	}
	if before.N <= 0 || after.N <= 0 {
		return Decomposition{}, false
	}
	d := Decomposition{Change: after.rate() - before.rate(), Effects: make([]Effect, len(parts))}
	middle := (before.rate() + after.rate()) / 2
	var rateError, mixError float64 // variances
	var turned, met [2]scores       // rate changes and mean rates among the users of each period
	for i, p := range parts {
		w0, w1 := float64(p.Before.N)/float64(before.N), float64(p.After.N)/float64(after.N)
		r0, r1 := p.rates()
		e := Effect{Rate: (r1 - r0) * (w0 + w1) / 2, Mix: (w1 - w0) * ((r0+r1)/2 - middle)}
		d.Effects[i] = e
		d.Rate += e.Rate
		d.Mix += e.Mix

		difference, mean := p.errors()
		rateError += (w0 + w1) * (w0 + w1) / 4 * difference
		mixError += (w1 - w0) * (w1 - w0) * mean
		for period, w := range [2]float64{w0, w1} {
			turned[period].add(w, (r1-r0)/2)
			met[period].add(w, (r0+r1)/2-middle)
		}
	}
	for period, n := range [2]int{before.N, after.N} {
		rateError += turned[period].variance() / float64(n)
		mixError += met[period].variance() / float64(n)
	}
	d.RateError, d.MixError = math.Sqrt(rateError), math.Sqrt(mixError)
	return d, true
}

func (c Count) plus(d Count) Count { return Count{K: c.K + d.K, N: c.N + d.N} }

func (c Count) rate() float64 { return float64(c.K) / float64(c.N) }

// rateVariance is that of the rate, by a rate half a user away from 0 and 1, where it would be none.
func (c Count) rateVariance() float64 {
	n := float64(c.N)
	rate := (float64(c.K) + 0.5) / (n + 1)
	return rate * (1 - rate) / n
}

// rates are the value's rates before and after; one that does not exist is the other.
func (p Part) rates() (before, after float64) {
	switch {
	case p.Before.N <= 0 && p.After.N <= 0:
		return 0, 0
	case p.Before.N <= 0:
		return p.After.rate(), p.After.rate()
	case p.After.N <= 0:
		return p.Before.rate(), p.Before.rate()
	}
	return p.Before.rate(), p.After.rate()
}

// errors are the variances of the difference and of the mean of the value's rates.
func (p Part) errors() (difference, mean float64) {
	switch {
	case p.Before.N <= 0 && p.After.N <= 0:
		return 0, 0
	case p.Before.N <= 0:
		return 0, p.After.rateVariance()
	case p.After.N <= 0:
		return 0, p.Before.rateVariance()
	}
	both := p.Before.rateVariance() + p.After.rateVariance()
	return both, both / 4
}

// scores is the distribution of a number among the users of a period.
type scores struct{ sum, squares float64 }

func (s *scores) add(share, score float64) {
	s.sum += share * score
	s.squares += share * score * score
}

func (s *scores) variance() float64 { return max(0, s.squares-s.sum*s.sum) }
