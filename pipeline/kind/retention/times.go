package retention

import (
	"slices"

	"firstlight/pipeline/facts"
)

// times are events whose periods are not settled, because a late event may still move the start: in order, and of each stretch only
// as many of the first and of the last as make a return. A stretch is part of one local day, and shorter than any period, so a start
// divides it in two at most, and those that are left out tell of neither part what the others do not.
type times []int64

const (
	stretchMs = 12 * 3_600_000

	// maxTimes caps the events kept of one user, where the start is long not settled: the earliest stretches stay. At one event a return
	// that is more than five years.
	maxTimes = 8192
)

// remember adds an event (ms). It reports whether the times changed, and how many events the cap took.
func (s *State) remember(at int64) (changed bool, capped int) {
	from, to := s.stretch(at)
	n := s.enough()
	if s.redundant(at, from, to) {
		return false, 0
	}
	i, _ := slices.BinarySearch(s.times, at)
	s.times = slices.Insert(s.times, i, at)
	if to-from == 2*n { // one of the middle makes room
		s.times = slices.Delete(s.times, from+n, from+n+1)
	}
	for len(s.times) > maxTimes {
		first, last := s.stretch(s.times[len(s.times)-1])
		if first == 0 {
			break
		}
		s.times = slices.Delete(s.times, first, last)
		capped += last - first
	}
	return true, capped
}

// enough is how many events of one local day make a return, or all that the day can give.
func (s *State) enough() int {
	if s.least.days {
		return 1
	}
	return s.least.n
}

// redundant reports whether an event tells nothing new, given where its stretch lies.
func (s *State) redundant(at int64, from, to int) bool {
	n := s.enough()
	return to-from == 2*n && at >= s.times[from+n-1] && at <= s.times[from+n]
}

// stretch returns where the events of the stretch that holds a time lie.
func (s *State) stretch(at int64) (from, to int) {
	day, half := s.day(at), at/stretchMs
	i, _ := slices.BinarySearch(s.times, at)
	same := func(t int64) bool { return t/stretchMs == half && s.day(t) == day }
	for from = i; from > 0 && same(s.times[from-1]); {
		from--
	}
	for to = i; to < len(s.times) && same(s.times[to]); {
		to++
	}
	return from, to
}

func (s *State) encodeTimes(w *facts.Writer) {
	w.Uint(uint64(len(s.times)))
	for _, t := range s.times {
		w.Time(t)
	}
}

func (s *State) decodeTimes(r *facts.Reader) {
	for range r.Count() {
		s.times = append(s.times, r.Time())
	}
}
