package volume

// When an alarm begins.

import "math"

const (
	// begin is the rarity at which an alarm begins, times the root of the points seen. Between a fixed rarity (ever more
	// false alarms the longer a series) and one divided by the points (deaf in the end).
	begin = 1.0 / 64
	// Between begin and goesOn times it an excursion that has begun goes on.
	goesOn = 10
	// An alarm needs quiet before it: this share of the history, and at least so many points.
	quietShare = 0.02
	quietLeast = 20
	// Or it must be so many times rarer than the one before.
	graver = 10
)

// excursion is whether the series is away from its usual course.
type excursion struct {
	n       int // points seen, up to history
	quiet   int // points since the last that belonged to an excursion
	begun   bool
	gravest float64 // rarity of the last alarm, relative to begin
}

// step takes the rarity of the next point and returns its score and whether an alarm begins.
func (e *excursion) step(rarity float64) (score float64, alarm bool) {
	e.n = min(e.n+1, history)
	e.quiet++
	relative := rarity * math.Sqrt(float64(e.n)) / begin
	over := float64(e.quiet) > max(quietLeast, quietShare*float64(e.n))
	if relative <= 1 && (!e.begun || over || relative*graver <= e.gravest) {
		alarm, e.gravest, e.begun = true, relative, true
	}
	if relative <= 1 || e.begun && !over && relative <= goesOn {
		e.quiet = 0
	}
	return toScore(relative), alarm
}

// toScore puts a rarity relative to begin on a scale from 0 to 1: 0.5 where alarms begin, 0.75 at a tenth of that.
func toScore(relative float64) float64 {
	if relative > 1 {
		return 0.5 / relative
	}
	return 1 - 0.5/(1-math.Log10(relative))
}
