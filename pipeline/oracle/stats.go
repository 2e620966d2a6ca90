package oracle

// Wilson intervals, quantiles and Kaplan–Meier estimates, exact and straight from their definitions.

import (
	"math"
	"sort"
)

const z95 = 1.959963984540054 // the 97.5 % quantile of the standard normal distribution

// wilson is the 95 % score interval of k out of n, n > 0.
func wilson(k, n int) (low, high float64) {
	p, total := float64(k)/float64(n), float64(n)
	center := p + z95*z95/(2*total)
	half := z95 * math.Sqrt(p*(1-p)/total+z95*z95/(4*total*total))
	scale := 1 + z95*z95/total
	low, high = (center-half)/scale, (center+half)/scale
	if k == 0 {
		low = 0
	}
	if k == n {
		high = 1
	}
	return low, high
}

// quantile is the percent-th quantile of type 2 (Hyndman and Fan 1996); nil when there are no values.
func quantile(values []float64, percent int) any {
	if len(values) == 0 {
		return nil
	}
	x := append([]float64(nil), values...)
	sort.Float64s(x)
	n := len(x) * percent
	if n%100 == 0 {
		return (x[n/100-1] + x[n/100]) / 2
	}
	return x[n/100]
}

func mean(values []float64) any {
	if len(values) == 0 {
		return nil
	}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// followed is how long one user was watched (seconds), and whether that ended with an event.
type followed struct {
	age   float64
	event bool
}

// drop is a point at which the survival curve falls. Bounds are NaN where log-log bounds do not exist: at s = 0
// and, before the first event, at s = 1.
type drop struct{ age, s, low, high float64 }

// curve is a Kaplan–Meier estimate.
type curve struct {
	drops []drop
	users []followed
}

// kaplanMeier estimates S(age), the share that has not reached it by age, with 95 % log-log bounds. At equal
// ages events come before censorings.
func kaplanMeier(users []followed) curve {
	c := curve{users: users}
	events := map[float64]int{}
	for _, u := range users {
		if u.event {
			events[u.age]++
		}
	}
	var ages []float64
	for age := range events {
		ages = append(ages, age)
	}
	sort.Float64s(ages)

	s, greenwood := 1.0, 0.0
	for _, age := range ages {
		d, n := float64(events[age]), float64(c.atRisk(age))
		s *= (n - d) / n
		point := drop{age: age, s: s, low: math.NaN(), high: math.NaN()}
		if d < n {
			greenwood += d / (n * (n - d))
			spread := z95 * math.Sqrt(greenwood) / math.Log(s)
			center := math.Log(-math.Log(s))
			point.low = math.Exp(-math.Exp(center - spread))
			point.high = math.Exp(-math.Exp(center + spread))
		}
		c.drops = append(c.drops, point)
	}
	return c
}

// atRisk counts the users followed to at least age.
func (c curve) atRisk(age float64) int {
	n := 0
	for _, u := range c.users {
		if u.age >= age {
			n++
		}
	}
	return n
}

// at is the curve at an age, 1 before the first event.
func (c curve) at(age float64) drop {
	found := drop{s: 1, low: math.NaN(), high: math.NaN()}
	for _, d := range c.drops {
		if d.age <= age {
			found = d
		}
	}
	return found
}

// quantile is the first age at which the chosen curve (s or a bound) is at most 1 - q; where it stays at
// exactly 1 - q until another event, the middle of that flat. nil when it never comes down so far.
func (c curve) quantile(q float64, of func(drop) float64) any {
	const same = 1e-9
	for i, d := range c.drops {
		y := of(d)
		switch {
		case math.IsNaN(y) || y > 1-q+same:
			continue
		case y < 1-q-same:
			return d.age
		case i+1 < len(c.drops):
			return (d.age + c.drops[i+1].age) / 2
		default:
			return d.age
		}
	}
	return nil
}

func estimate(d drop) float64 { return d.s }
func lower(d drop) float64    { return d.low }
func upper(d drop) float64    { return d.high }

// number is a float or NULL.
func number(f float64) any {
	if math.IsNaN(f) {
		return nil
	}
	return f
}
