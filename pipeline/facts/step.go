package facts

import "slices"

// Step is what served one step: the earliest matching events, as many as the step's count. Where days are counted, of each day only
// the first one serves it.
type Step struct {
	Reached int64   // settled time of the last one needed, 0 when not settled
	Taken   int     // settled events that serve the step
	Times   []int64 // times of further ones after the entry, ascending

	last int64 // time of the newest settled one, which others of its day may follow; of use where days are counted
}

// Reset forgets what served the step.
func (s *Step) Reset() { s.Reached, s.Taken, s.Times, s.last = 0, 0, s.Times[:0], 0 }

// Empty reports whether nothing served the step.
func (s *Step) Empty() bool { return s.Reached == 0 && s.Taken == 0 && len(s.Times) == 0 }

// Encode writes the step.
func (s *Step) Encode(w *Writer, n Need) {
	w.Time(s.Reached)
	if s.Reached != 0 {
		return
	}
	w.Uint(uint64(s.Taken))
	if n.day != nil && s.Taken > 0 {
		w.Time(s.last)
	}
	writeTimes(w, s.Times)
}

// Decode reads a step.
func (s *Step) Decode(r *Reader, n Need) {
	s.Reached = r.Time()
	if s.Reached != 0 {
		return
	}
	s.Taken = int(r.Uint())
	if n.day != nil && s.Taken > 0 {
		s.last = r.Time()
	}
	s.Times = readTimes(r, s.Times[:0])
}

func writeTimes(w *Writer, times []int64) {
	w.Uint(uint64(len(times)))
	for _, t := range times {
		w.Time(t)
	}
}

func readTimes(r *Reader, into []int64) []int64 {
	for range r.Count() {
		into = append(into, r.Time())
	}
	return into
}

// Full reports whether an event at a time is too late to serve a step.
func (s *Step) Full(t int64, n Need) bool {
	need := n.Count - s.Taken
	if s.Reached != 0 || need <= 0 || s.Taken > 0 && n.same(s.last, t) {
		return true
	}
	if at, _ := slices.BinarySearch(s.Times, t+1); at > 0 && n.same(s.Times[at-1], t) {
		return true
	}
	return len(s.Times) >= need && t >= s.Times[need-1]
}

// Add takes an event. It reports whether that changed the step.
func (s *Step) Add(t int64, n Need) bool {
	if s.Full(t, n) {
		return false
	}
	at, _ := slices.BinarySearch(s.Times, t)
	if at < len(s.Times) && n.same(s.Times[at], t) {
		s.Times[at] = t // the first of its day so far
		return true
	}
	s.Times = slices.Insert(s.Times, at, t)
	if need := n.Count - s.Taken; len(s.Times) > need {
		s.Times = s.Times[:need]
	}
	return true
}

// Trim drops events later than last.
func (s *Step) Trim(last int64) {
	for len(s.Times) > 0 && s.Times[len(s.Times)-1] > last {
		s.Times = s.Times[:len(s.Times)-1]
	}
}

// Collapse counts the events that the watermark has passed.
func (s *Step) Collapse(watermark int64, n Need) bool {
	settled := 0
	for settled < len(s.Times) && s.Times[settled] < watermark {
		settled++
	}
	if settled == 0 {
		return false
	}
	s.Taken += settled
	s.last = s.Times[settled-1]
	if s.Taken == n.Count {
		s.Reached = s.last
	}
	s.Times = slices.Delete(s.Times, 0, settled)
	return true
}

// Time is the time of the last event needed, given how many at the time of entry serve the step.
func (s *Step) Time(entry int64, atEntry int, n Need) int64 {
	times := s.Times
	if atEntry > 0 && n.day != nil {
		atEntry = 1
		if len(times) > 0 && n.same(entry, times[0]) {
			times = times[1:]
		}
	}
	need := n.Count - s.Taken - atEntry
	switch {
	case s.Reached != 0:
		return s.Reached
	case need <= 0:
		return entry
	case need <= len(times):
		return times[need-1]
	default:
		return 0
	}
}
