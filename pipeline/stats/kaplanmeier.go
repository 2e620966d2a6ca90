package stats

// Survival curves: how long it takes until something happens, also for those to whom it has not happened yet.

import "math"

// At is so many users at one age. Ages are seconds, or whatever else the caller measures in.
type At struct{ Age, Users float64 }

// Drop is an age at which events happened.
type Drop struct {
	Age, Events, AtRisk float64
	// S is the share to whom it has not happened by Age (Kaplan and Meier 1958), Variance its variance (Greenwood 1926).
	S, Variance float64
	// Low, High are the 95 % log-log bounds of S (Kalbfleisch and Prentice 1980).
	Low, High float64
	// Bounded says that these bounds exist. They do not at S = 0: there Low is 0 and High the last bound that existed.
	Bounded bool
}

// Curve is a Kaplan-Meier estimate.
type Curve struct{ Drops []Drop }

// KaplanMeier estimates the curve from the users who had the event and those who were censored, each at ascending
// ages >= 0. At equal ages events come before censorings.
func KaplanMeier(events, censored []At) Curve {
	var c Curve
	atRisk := 0.0
	for _, group := range [][]At{events, censored} {
		for _, a := range group {
			atRisk += a.Users
		}
	}
	last := untouched
	greenwood := 0.0
	for len(events) > 0 {
		d := Drop{Age: events[0].Age, High: last.High}
		for ; len(events) > 0 && events[0].Age == d.Age; events = events[1:] {
			d.Events += events[0].Users
		}
		for ; len(censored) > 0 && censored[0].Age < d.Age; censored = censored[1:] {
			atRisk -= censored[0].Users
		}
		if d.Events <= 0 {
			continue
		}
		d.AtRisk = atRisk
		atRisk -= d.Events
		d.S = last.S * (atRisk / d.AtRisk)
		if d.Bounded = atRisk > 0; d.Bounded {
			greenwood += d.Events / (d.AtRisk * atRisk)
			d.Variance = d.S * d.S * greenwood
			logS := math.Log(d.S)
			spread := Z95 * math.Sqrt(greenwood) / -logS
			d.Low, d.High = math.Exp(logS*math.Exp(spread)), math.Exp(logS*math.Exp(-spread))
		}
		c.Drops = append(c.Drops, d)
		last = d
	}
	return c
}

// untouched is a curve before the first event: no event says nothing of the bounds.
var untouched = Drop{S: 1, High: 1}

// Quantile is the age by which a share q of the users had the event, with its 95 % limits: where the curve and its bounds
// reach 1 - q (Brookmeyer and Crowley 1982). Where they stay at exactly 1 - q it is the middle of that flat, as in R's
// survfit; on the last flat, which no event ends, it is where that begins, so that it does not grow while users are
// followed on. What is not reached is +Inf: only that it is more than the longest follow-up is known then.
func (c Curve) Quantile(q float64) (age, low, high float64) {
	return c.reaches(1-q, func(d Drop) (float64, bool) { return d.S, true }),
		c.reaches(1-q, func(d Drop) (float64, bool) { return d.Low, d.Bounded }),
		c.reaches(1-q, func(d Drop) (float64, bool) { return d.High, d.Bounded })
}

func (c Curve) reaches(share float64, of func(Drop) (float64, bool)) float64 {
	const same = 1e-9
	for i, d := range c.Drops {
		y, exists := of(d)
		switch {
		case !exists || y > share+same:
			continue
		case y < share-same || i+1 == len(c.Drops):
			return d.Age
		}
		return (d.Age + c.Drops[i+1].Age) / 2
	}
	return math.Inf(1)
}
