package faults

import (
	"math"
	"math/rand/v2"
)

// Random numbers.

// large is where a count is drawn from the normal distribution instead.
const large = 60

// poisson draws a count.
func poisson(r *rand.Rand, mean float64) int {
	if mean > large {
		return int(max(0, math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
	}
	n, product := 0, r.Float64()
	for limit := math.Exp(-mean); product > limit; n++ {
		product *= r.Float64()
	}
	return n
}

// binomial draws how many of n succeed.
func binomial(r *rand.Rand, n int, p float64) int {
	if variance := float64(n) * p * (1 - p); variance > large {
		return min(n, int(max(0, math.Round(float64(n)*p+math.Sqrt(variance)*r.NormFloat64()))))
	}
	k := 0
	for range n {
		if r.Float64() < p {
			k++
		}
	}
	return k
}

// pick draws an index by weights that add up to total.
func pick(r *rand.Rand, weights []float64, total float64) int {
	x := r.Float64() * total
	for i, w := range weights {
		if x -= w; x < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// draw draws an age (s).
func (a ages) draw(r *rand.Rand) float64 {
	for {
		if age := a.median * math.Exp(a.sigma*r.NormFloat64()); age <= a.end {
			return age
		}
	}
}

// noise is a number that wanders around 0, each time keeping a part of what it was.
type noise struct{ sd, kept, now float64 }

func (n *noise) next(r *rand.Rand) float64 {
	if n.now == 0 {
		n.now = n.sd * r.NormFloat64()
	} else {
		n.now = n.kept*n.now + n.sd*math.Sqrt(1-n.kept*n.kept)*r.NormFloat64()
	}
	return n.now
}
