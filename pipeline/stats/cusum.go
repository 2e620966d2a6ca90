package stats

// The tabular CUSUM of a standardized series: small, lasting shifts add up.

import "math"

// NormalCUSUM accumulates how far a standardized series lies above Slack and below -Slack (Page 1954), in standard
// deviations. Slack is half the shift to find. The zero value with a Slack is ready.
type NormalCUSUM struct {
	Slack    float64
	Up, Down float64
}

// Step takes the next standardized value and gives the larger of both sums, to be compared with a CUSUMLimit.
func (c *NormalCUSUM) Step(z float64) float64 {
	c.Up = max(0, c.Up+z-c.Slack)
	c.Down = max(0, c.Down-z-c.Slack)
	return max(c.Up, c.Down)
}

// CUSUMRunLength is the mean number of steps until a NormalCUSUM of independent values reaches limit, when their mean
// has shifted by so many standard deviations: Siegmund's approximation (1985, "Sequential analysis", eq. 2.57), within
// some percent where the shift is not far beyond the slack.
func CUSUMRunLength(slack, limit, shift float64) float64 {
	// Of two sides that take turns, the rates of alarms add.
	return 1 / (1/oneSidedRunLength(shift-slack, limit) + 1/oneSidedRunLength(-shift-slack, limit))
}

func oneSidedRunLength(drift, limit float64) float64 {
	const overshoot = 1.166 // on average, twice 0.583 (Siegmund 1985)
	reach := limit + overshoot
	x := -2 * drift * reach
	if math.Abs(x) < 1e-4 {
		return reach * reach * (1 + x/3)
	}
	return (math.Expm1(x) - x) / (2 * drift * drift)
}

// CUSUMLimit is the limit at which a NormalCUSUM of a series that does not shift alarms once in so many steps.
func CUSUMLimit(slack, runLength float64) float64 {
	reached := func(limit float64) bool { return CUSUMRunLength(slack, limit, 0) >= runLength }
	high := 1.0
	for !reached(high) && high < 1e9 {
		high *= 2
	}
	return bisect(0, high, reached)
}
