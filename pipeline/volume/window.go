package volume

// The newest values of a statistic, in order of size: what a value is ranked in.

import (
	"math"
	"slices"
)

// window is the newest values, up to a size.
type window struct {
	p      *Parameters
	size   int
	ring   []float64 // by age, once full from oldest on
	oldest int
	sorted []float64
}

func newWindow(size int, p *Parameters) *window { return &window{p: p, size: size} }

func (w *window) len() int { return len(w.sorted) }

func (w *window) add(v float64) {
	if len(w.ring) < w.size {
		w.ring = append(w.ring, v)
		at, _ := slices.BinarySearch(w.sorted, v)
		w.sorted = slices.Insert(w.sorted, at, v)
		return
	}
	from, _ := slices.BinarySearch(w.sorted, w.ring[w.oldest])
	to, _ := slices.BinarySearch(w.sorted, v)
	if from < to { // only what lies between the one that leaves and the one that comes moves
		to--
		copy(w.sorted[from:to], w.sorted[from+1:to+1])
	} else {
		copy(w.sorted[to+1:from+1], w.sorted[to:from])
	}
	w.sorted[to] = v
	w.ring[w.oldest] = v
	w.oldest = (w.oldest + 1) % w.size
}

// quantile is the value that a share of the values lies below.
func (w *window) quantile(share float64) float64 {
	return w.sorted[int(math.Round(share*float64(len(w.sorted)-1)))]
}

func (w *window) median() float64 { return w.quantile(0.5) }

// The tail of a window.
const (
	tailLeast = 5 // values from which it is extrapolated, at least
	// The exponent is kept within bounds: not so heavy that nothing is ever rare, not so light that a few equal values make anything so.
	leastExponent = 1
	mostExponent  = 20
	// unheardOf is the rarity of any change to what has been constant, relative to the one value in all that it would be.
	unheardOf = 0.01
)

// rarity is the share of values expected to be at least as extreme as v on its side of the median, and whether that
// is above. It is 1 before there is enough to tell.
func (w *window) rarity(v float64) (share float64, above bool) {
	if w.len() < w.p.WarmUp {
		return 1, false
	}
	median := w.median()
	switch {
	case v == median:
		return 1, false
	case v > median:
		at, _ := slices.BinarySearch(w.sorted, v)
		return w.tail(v-median, w.len()-at, func(i int) float64 { return w.sorted[w.len()-1-i] - median }), true
	}
	at, _ := slices.BinarySearchFunc(w.sorted, v, func(x, v float64) int {
		if x <= v {
			return -1
		}
		return 1
	})
	return w.tail(v-median, at, func(i int) float64 { return w.sorted[i] - median }), false
}

// tail is the rarity of an excess over the median that so many values reach. nth is the excess of the nth most extreme
// value of that side; all of them have one sign.
func (w *window) tail(excess float64, reach int, nth func(int) float64) float64 {
	excess = math.Abs(excess)
	n := float64(w.len())
	k := max(int(w.p.TailShare*n), tailLeast)
	for k > 0 && nth(k) == 0 { // a tail that is shorter than its share
		k--
	}
	from := math.Abs(nth(k))
	if from == 0 {
		return unheardOf / n
	}
	if excess <= from {
		return float64(reach+1) / (n + 1)
	}
	// Hill's estimate of the exponent of a power law beyond from, drawn a little to the prior.
	logs := 0.0
	for i := range k {
		logs += math.Log(math.Abs(nth(i)) / from)
	}
	exponent := (float64(k) + w.p.PriorWeight) / (logs + w.p.PriorWeight/w.p.PriorExponent)
	exponent = min(max(exponent, leastExponent), mostExponent)
	return float64(k+1) / n * math.Pow(excess/from, -exponent)
}
