// Package faults makes products with a known truth as what detection sees: counts by day and hour, without events.
// They have seasons, growth, holidays, days that differ and segments that differ; at a known time something breaks.
//
// The package is pure: the same product always has the same history, and a shorter history is the beginning of a
// longer one.
package faults

import (
	"math"
	"math/rand/v2"
	"slices"

	"firstlight/pipeline/calendar"
)

// Catalog defines what the products measure. Their days are those of UTC.
const Catalog = `version: 1
product: made-up
windows: [1h, 1d]
defaults: {owner: o@made-up.example, objective: Teams that stay, indicator: leading, direction: up, action: Call them}
cohorts:
  - {name: signup, entry: {event: signed_up}, grain: week, segments: [channel, plan, country]}
metrics:
  - {name: activated, kind: activation, cohort: signup, steps: [project_created], within: 7d}
  - {name: first_report, kind: ttfv, cohort: signup, value: {event: report_shared}, within: 30d, direction: down}
  - {name: exports, kind: adoption, cohort: signup, feature: {event: export_run}}
`

// The metrics by their position in the catalog.
const (
	activated = iota
	firstReport
	exports
)

var names = [...]string{"activated", "first_report", "exports"}

// First is the first day of every history, a Monday.
var First = calendar.FromDate(2026, 1, 5)

// Product says what to make.
type Product struct {
	Seed    uint64
	SignUps float64 // a day, before growth
	Days    int
	Fault   Fault
}

// value is one value of a segment: its share of the sign-ups, and how its users' odds of success differ.
type value struct {
	segment, name string
	share, odds   float64
}

var segments = [][]value{
	{{"channel", "organic", 0.4, 1.25}, {"channel", "ads", 0.25, 0.5}, {"channel", "partner", 0.2, 1.3}, {"channel", "social", 0.15, 0.8}},
	{{"plan", "free", 0.6, 0.9}, {"plan", "team", 0.3, 1.15}, {"plan", "business", 0.1, 1.3}},
	{{"country", "US", 0.4, 1}, {"country", "DE", 0.25, 1.1}, {"country", "FR", 0.15, 0.95}, {"country", "(other)", 0.2, 0.9}},
}

// values are all of them; a user has one of each segment.
var values = slices.Concat(segments...)

// firstOf is where a segment's values begin.
var firstOf = []int{0, len(segments[0]), len(segments[0]) + len(segments[1])}

// source is a publishing app, with its share of the users.
type source struct {
	name  string
	share float64
}

var sources = []source{{"web", 0.6}, {"mobile", 0.3}, {"api", 0.1}}

// ages are how long people take: log-normal, to an end (s).
type ages struct{ median, sigma, end float64 }

const (
	hour = 3600.0
	day  = 24 * hour

	activatedBase = 0.4 // within 7 days; three in five of them within a day
	reportedBase  = 0.7 // within 30 days
	exportsBase   = 0.25
	activePerDay  = 8.0  // active users for each sign-up of a day
	eventsPerDay  = 40.0 // events for each sign-up of a day

	wander       = 0.04  // standard deviation of the log odds of a day
	wanderKept   = 0.3   // its correlation from day to day; new users are other users
	habitsKept   = 0.8   // that of adoption: mostly the same users
	busyDays     = 0.1   // standard deviation of the logarithm of a day's volume
	busyHours    = 0.15  // of an hour's
	otherMix     = 0.1   // of the share of a segment value on a day
	holidayShare = 0.02  // of days
	burstShare   = 0.003 // of hours in which a source begins to send two to five times as much; halved every hour
)

var (
	activatedAges = ages{21.5 * hour, 2, 7 * day}
	reportedAges  = ages{6 * hour, 1.8, 30 * day}

	// ofDay is how the hours of a day share its volume.
	ofDay = normalized([]float64{3, 2, 2, 2, 2, 3, 5, 9, 14, 17, 18, 18, 16, 17, 18, 18, 17, 15, 13, 11, 9, 8, 6, 4})
)

func normalized(weights []float64) []float64 {
	sum := 0.0
	for _, w := range weights {
		sum += w
	}
	for i := range weights {
		weights[i] /= sum
	}
	return weights
}

// nature is what makes a product itself.
type nature struct {
	growth  float64    // of the logarithm of its volume, a day
	volume  [7]float64 // by weekday, from Monday
	odds    [3][7]float64
	holiday map[int]float64 // days, with what is left of their volume
	base    [3]float64      // odds of success of each metric where all else is usual
}

func (p *Product) nature() *nature {
	r := rand.New(rand.NewPCG(p.Seed, 1))
	n := &nature{growth: 0.004*r.Float64() - 0.0005, holiday: map[int]float64{}}
	for w := range 7 {
		n.volume[w] = math.Exp(0.05 * r.NormFloat64())
		for m := range n.odds {
			n.odds[m][w] = math.Exp(0.07 * r.NormFloat64())
		}
		if w >= 5 {
			n.volume[w] *= 0.55
			for m := range n.odds {
				n.odds[m][w] *= 0.9
			}
		}
	}
	for d := 0; d < p.Days; d++ {
		if r.Float64() < holidayShare {
			n.holiday[d] = 0.3 + 0.4*r.Float64()
		}
	}
	for m, rate := range []float64{activatedBase, reportedBase, exportsBase} {
		n.base[m] = baseOdds(rate)
	}
	return n
}

// weekday of a day of the history, from Monday. On a holiday people do what they do on a Sunday.
func (n *nature) weekday(d int) int {
	if _, ok := n.holiday[d]; ok {
		return 6
	}
	return d % 7
}

// volume is what a day has beside the product's SignUps.
func (n *nature) volumeOf(d int) float64 {
	v := n.volume[d%7] * math.Exp(n.growth*float64(d))
	if left, ok := n.holiday[d]; ok {
		v *= left
	}
	return v
}

// baseOdds are the odds at which all kinds of users together have a rate.
func baseOdds(rate float64) float64 {
	low, high := 0.0, 100.0
	for range 60 {
		if middle := (low + high) / 2; overall(func(odds float64) float64 { return chance(middle * odds) }) < rate {
			low = middle
		} else {
			high = middle
		}
	}
	return low
}

// overall is the mean of a function of their odds over all kinds of users.
func overall(of func(odds float64) float64) float64 {
	sum := 0.0
	for _, a := range segments[0] {
		for _, b := range segments[1] {
			for _, c := range segments[2] {
				sum += a.share * b.share * c.share * of(a.odds*b.odds*c.odds)
			}
		}
	}
	return sum
}

func chance(odds float64) float64 { return odds / (1 + odds) }
