package stats

// When did the level of a restless rate jump?

import (
	"math"
	"slices"
)

// Shift watches a level for a jump that stays. For every day since which it may have jumped, and each size it may have, it holds the
// evidence of all days since against the level having gone on as before; the sum over the days is an e-detector (Shin, Ramdas and
// Rinaldo 2023). What the level learns from the days after a jump is learnt under either assumption, so a level that follows quickly
// hides no jump.
type Shift struct {
	level *Level
	sizes []Size
	since []jump
	step  int
}

// Size is how far a level may jump, and how likely that is among all sizes that are looked for.
type Size struct{ LogOdds, Share float64 }

// jump is one assumption: since when, by how much.
type jump struct {
	state
	size, began int
	log         float64 // evidence
}

const (
	faded = -5.0 // logarithm of the evidence below which an assumption is given up: it could not come back in time
	most  = 16   // assumptions of one size that are told apart
)

// NewShift watches a level, which it lets learn, for jumps of these sizes, whose shares add up to 1.
func NewShift(level *Level, sizes []Size) *Shift {
	return &Shift{level: level, sizes: sizes}
}

// Step takes a day's count and gives the logarithm of the evidence that there was a jump. Of the day's own evidence the power counts
// (0 < power <= 1; 1 where days are independent): a power of an e-value below 1 is an e-value as well.
func (s *Shift) Step(offset float64, c Count, power float64) float64 {
	s.weigh(offset, c, power)
	s.level.Learn(offset, c)
	return s.evidence()
}

// weigh takes a day's count as evidence, before the level learns from it.
func (s *Shift) weigh(offset float64, c Count, power float64) {
	for size := range s.sizes {
		s.since = append(s.since, jump{state: s.level.state, size: size, began: s.step, log: math.Log(s.sizes[size].Share)})
	}
	a := s.level.ahead(s.level.now, offset)
	asBefore := a.logProb(c)
	kept := s.since[:0]
	for _, j := range s.since {
		j.log += power * (j.learn(s.level.now, offset+s.sizes[j.size].LogOdds, c) - asBefore)
		if j.log > faded {
			kept = append(kept, j)
		}
	}
	s.since = kept
	s.join()
	s.step++
}

// Early is a day whose count is not complete: its log odds are known to be moved by Offset. No users: it says nothing.
type Early struct {
	Offset float64
	Count
}

// Ahead is the evidence with the days after the last step, as far as they are known, and since which step (from 0) the jump is then
// most likely. It changes nothing.
func (s *Shift) Ahead(days []Early) (evidence float64, began int) {
	ahead := &Shift{level: &Level{state: s.level.state, now: s.level.now}, sizes: s.sizes, since: slices.Clone(s.since), step: s.step}
	for _, d := range days {
		if d.N == 0 {
			ahead.Pass()
			continue
		}
		ahead.weigh(d.Offset, d.Count, 1)
		ahead.level.learn(ahead.level.now, d.Offset, d.Count)
	}
	return ahead.evidence(), ahead.Began()
}

// join makes one assumption of the two neighbours with the least evidence, where there are too many.
func (s *Shift) join() {
	for len(s.since) > most*len(s.sizes) {
		least, at, with := math.Inf(1), 0, 0
		last := make(map[int]int, len(s.sizes))
		for i := range s.since {
			j := &s.since[i]
			if before, ok := last[j.size]; ok {
				if sum := logAdd(s.since[before].log, j.log); sum < least {
					least, at, with = sum, before, i
				}
			}
			last[j.size] = i
		}
		a, b := &s.since[at], s.since[with]
		share := math.Exp(b.log - least)
		a.blend(&b.state, share)
		if b.log > a.log {
			a.began = b.began
		}
		a.log = least
		s.since = append(s.since[:with], s.since[with+1:]...)
	}
}

// blend makes one normal distribution of two, of which the other one has a share.
func (s *state) blend(other *state, share float64) {
	level, habit := other.mean-s.mean, other.habit-s.habit
	s.mean += share * level
	s.habit += share * habit
	both := func(a, b, apart float64) float64 { return (1-share)*a + share*b + share*(1-share)*apart }
	s.variance = both(s.variance, other.variance, level*level)
	s.habitVariance = both(s.habitVariance, other.habitVariance, habit*habit)
	s.covariance = both(s.covariance, other.covariance, level*habit)
}

// Pass lets a day go by that says nothing.
func (s *Shift) Pass() {
	for i := range s.since {
		s.since[i].pass(s.level.now)
	}
	s.level.Pass()
}

func (s *Shift) evidence() float64 {
	sum := math.Inf(-1)
	for i := range s.since {
		sum = logAdd(sum, s.since[i].log)
	}
	return sum
}

// Began is the step (from 0) since which the jump is most likely.
func (s *Shift) Began() int {
	began, most := 0, math.Inf(-1)
	for i := range s.since {
		if s.since[i].log > most {
			began, most = s.since[i].began, s.since[i].log
		}
	}
	return began
}
