package volume

// When an alarm begins.

import "math"

// quietLeast is how many points must be quiet before an alarm, however short the history.
const quietLeast = 20

// Excursion is whether a series is away from its usual course.
type Excursion struct {
	p       *Parameters
	n       int // points seen, up to the history
	quiet   int // points since the last that belonged to an excursion
	begun   bool
	gravest float64 // rarity of the last alarm, relative to Begin
}

// NewExcursion returns one that has not begun.
func NewExcursion(p *Parameters) *Excursion { return &Excursion{p: p} }

// Step takes the rarity of the next point and returns its score and whether an alarm begins.
func (e *Excursion) Step(rarity float64) (score float64, alarm bool) {
	e.n = min(e.n+1, e.p.History)
	e.quiet++
	relative := rarity * math.Sqrt(float64(e.n)) / e.p.Begin
	over := float64(e.quiet) > max(quietLeast, e.p.QuietShare*float64(e.n))
	if relative <= 1 && (!e.begun || over || relative*e.p.Graver <= e.gravest) {
		alarm, e.gravest, e.begun = true, relative, true
	}
	if relative <= 1 || e.begun && !over && relative <= e.p.GoesOn {
		e.quiet = 0
	}
	return toScore(relative), alarm
}

// toScore puts a rarity relative to Begin on a scale from 0 to 1: 0.5 where alarms begin, 0.75 at a tenth of that.
func toScore(relative float64) float64 {
	if relative > 1 {
		return 0.5 / relative
	}
	return 1 - 0.5/(1-math.Log10(relative))
}

// Relative is the rarity relative to Begin that has a score.
func Relative(score float64) float64 {
	if score < 0.5 {
		return 0.5 / score
	}
	return math.Pow(10, 1-0.5/(1-score))
}
