package stats_test

import (
	"fmt"

	"firstlight/pipeline/stats"
)

// One of two users is no half: the interval says how little that is known by.
func ExampleWilson() {
	for _, n := range []float64{2, 20, 2000} {
		low, high := stats.Wilson(n/2, n)
		fmt.Printf("%4.0f of %4.0f: %.2f to %.2f\n", n/2, n, low, high)
	}
	// Output:
	//    1 of    2: 0.09 to 0.91
	//   10 of   20: 0.30 to 0.70
	// 1000 of 2000: 0.48 to 0.52
}
