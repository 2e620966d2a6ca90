package stats

// Many tests at once: which of them to believe.

import (
	"cmp"
	"math"
	"slices"
)

// BenjaminiHochberg marks the p-values to believe so that, among independent or positively dependent tests, the
// expected share of false ones among those marked is at most q (Benjamini and Hochberg 1995).
func BenjaminiHochberg(p []float64, q float64) []bool {
	return stepUp(p, func(value float64, rank int) bool {
		return value <= q*float64(rank)/float64(len(p))
	})
}

// EBH does the same for e-values, whatever the dependence between the tests (Wang and Ramdas 2022, "False discovery rate
// control with e-values"). It takes logarithms of e-values.
func EBH(logE []float64, alpha float64) []bool {
	small := make([]float64, len(logE))
	for i, e := range logE {
		small[i] = -e
	}
	return stepUp(small, func(value float64, rank int) bool {
		return -value >= math.Log(float64(len(logE))/(alpha*float64(rank)))
	})
}

// stepUp marks the smallest values up to the last that passes at its rank (from 1).
func stepUp(values []float64, passes func(value float64, rank int) bool) []bool {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	marked := make([]bool, len(values))
	for rank := len(order); rank > 0; rank-- {
		if !passes(values[order[rank-1]], rank) {
			continue
		}
		for _, i := range order[:rank] {
			marked[i] = true
		}
		break
	}
	return marked
}
