package volume

// What the same time of other days and weeks was like.

import (
	"math"
	"slices"
)

const (
	slotSeconds = 900
	slotsOfDay  = 86400 / slotSeconds
	// slotSlack is how many slots earlier or later still count as the same time.
	slotSlack = 1
	// leastDays and leastWeeks is how many others it takes to call something a season.
	leastDays  = 3
	leastWeeks = 2
)

// The days back that a time is held against.
var (
	daysBack  = []int64{1, 2, 3, 4, 5, 6, 7}
	weeksBack = []int64{7, 14, 21, 28}
)

// slot is what a quarter of an hour was like.
type slot struct {
	number   int64 // quarters of an hour since 1970
	sum      float64
	n        int
	extremes [statistics]span
}

// span is a range, empty when low > high.
type span struct{ low, high float64 }

// outside is how far a value lies outside of a span, signed; NaN when there is none.
func (s span) outside(v float64) float64 {
	switch {
	case s.low > s.high:
		return math.NaN()
	case v > s.high:
		return v - s.high
	case v < s.low:
		return v - s.low
	}
	return 0
}

var none = span{math.Inf(1), math.Inf(-1)}

// seasons remembers the slots of the last four weeks.
type seasons struct {
	p         *Parameters
	slots     [28*slotsOfDay + slotSlack + 1]*slot // by number
	now       int64                                // the slot of the point
	started   bool
	day, week span                // what this slot was like on other days, in other weeks
	wins      [statistics]float64 // how often lately Local, OfDay, OfWeek was nearest
}

// at moves to the slot of a time.
func (s *seasons) at(seconds int64) {
	now := seconds / slotSeconds
	if s.started && now == s.now {
		return
	}
	s.started, s.now = true, now
	s.day, s.week = s.typical(daysBack, leastDays), s.typical(weeksBack, leastWeeks)
}

func (s *seasons) slot(number int64) *slot {
	size := int64(len(s.slots))
	if found := s.slots[((number%size)+size)%size]; found != nil && found.number == number {
		return found
	}
	return nil
}

// around calls f with the slots of about the same time, some days back.
func (s *seasons) around(back int64, f func(*slot)) {
	for number := s.now - back*slotsOfDay - slotSlack; number <= s.now-back*slotsOfDay+slotSlack; number++ {
		if found := s.slot(number); found != nil {
			f(found)
		}
	}
}

// typical is the range of means at about this time: the median of the lowest and of the highest.
func (s *seasons) typical(back []int64, least int) span {
	var lows, highs []float64
	for _, days := range back {
		around := none
		s.around(days, func(o *slot) {
			if o.n > 0 {
				mean := o.sum / float64(o.n)
				around = span{min(around.low, mean), max(around.high, mean)}
			}
		})
		if around != none {
			lows, highs = append(lows, around.low), append(highs, around.high)
		}
	}
	if len(lows) < least {
		return none
	}
	return span{middle(lows), middle(highs)}
}

func middle(v []float64) float64 {
	slices.Sort(v)
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// usual says whether a statistic was about as extreme at this time on other days, or in other weeks.
func (s *seasons) usual(i Statistic, x, median float64) bool {
	return s.repeats(i, x, median, daysBack) || s.repeats(i, x, median, weeksBack)
}

func (s *seasons) repeats(i Statistic, x, median float64, back []int64) bool {
	known, same := 0, 0
	for _, days := range back {
		seen, reached := false, false
		s.around(days, func(o *slot) {
			e := o.extremes[i]
			if e == none {
				return
			}
			seen = true
			if x > median {
				reached = reached || e.high-median >= s.p.UsualShare*(x-median)
			} else {
				reached = reached || median-e.low >= s.p.UsualShare*(median-x)
			}
		})
		if seen {
			known++
		}
		if reached {
			same++
		}
	}
	return same >= s.p.UsualDays && 2*same >= known
}

// current is the slot of now, a new one when it is the first point there.
func (s *seasons) current() *slot {
	if found := s.slot(s.now); found != nil {
		return found
	}
	size := int64(len(s.slots))
	fresh := &slot{number: s.now}
	for i := range fresh.extremes {
		fresh.extremes[i] = none
	}
	s.slots[((s.now%size)+size)%size] = fresh
	return fresh
}

func (s *seasons) add(value float64) {
	o := s.current()
	o.sum += value
	o.n++
}

func (s *seasons) remember(i Statistic, x float64) {
	e := &s.current().extremes[i]
	*e = span{min(e.low, x), max(e.high, x)}
}

// winMemory is over how many points it is remembered which predictor was nearest.
const winMemory = 256

// judge notes which predictor was nearest to a value. A season must be there to compete.
func (s *seasons) judge(local *window, value float64) {
	if local.len() < localWarmUp || s.day == none && s.week == none {
		return
	}
	nearest, distance := Local, math.Abs(value-local.median())
	for _, season := range []struct {
		name Statistic
		span
	}{{OfDay, s.day}, {OfWeek, s.week}} {
		if off := math.Abs(value - (season.low+season.high)/2); season.span != none && off < distance {
			nearest, distance = season.name, off
		}
	}
	for i := range s.wins {
		s.wins[i] -= s.wins[i] / winMemory
	}
	s.wins[nearest]++
}

// best is the predictor that was nearest most often lately, of those that know this slot.
func (s *seasons) best() Statistic {
	best := Local
	if s.day != none && s.wins[OfDay] > s.wins[best] {
		best = OfDay
	}
	if s.week != none && s.wins[OfWeek] > s.wins[best] {
		best = OfWeek
	}
	return best
}
