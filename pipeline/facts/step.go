package facts

import "slices"

// Step is what served one step: the earliest matching events, as many as the step's count.
type Step struct {
	Reached int64   // settled time of the last one needed, 0 when not settled
	Taken   int     // settled events that serve the step
	Times   []int64 // times of further ones after the entry, ascending
}

// Reset forgets what served the step.
func (s *Step) Reset() { s.Reached, s.Taken, s.Times = 0, 0, s.Times[:0] }

// Empty reports whether nothing served the step.
func (s *Step) Empty() bool { return s.Reached == 0 && s.Taken == 0 && len(s.Times) == 0 }

// Encode writes the step.
func (s *Step) Encode(w *Writer) {
	w.Time(s.Reached)
	if s.Reached != 0 {
		return
	}
	w.Uint(uint64(s.Taken))
	writeTimes(w, s.Times)
}

// Decode reads a step.
func (s *Step) Decode(r *Reader) {
	s.Reached = r.Time()
	if s.Reached != 0 {
		return
	}
	s.Taken = int(r.Uint())
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

// Full reports whether an event at a time is too late to serve a step that needs count of them.
func (s *Step) Full(t int64, count int) bool {
	if s.Reached != 0 {
		return true
	}
	need := count - s.Taken
	return need <= 0 || len(s.Times) >= need && t >= s.Times[need-1]
}

// Add takes an event. It reports whether that changed the step.
func (s *Step) Add(t int64, count int) bool {
	if s.Full(t, count) {
		return false
	}
	at, _ := slices.BinarySearch(s.Times, t)
	s.Times = slices.Insert(s.Times, at, t)
	if s.Taken+len(s.Times) > count {
		s.Times = s.Times[:count-s.Taken]
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
func (s *Step) Collapse(watermark int64, count int) bool {
	n := 0
	for n < len(s.Times) && s.Times[n] < watermark {
		n++
	}
	if n == 0 {
		return false
	}
	s.Taken += n
	if s.Taken == count {
		s.Reached = s.Times[n-1]
	}
	s.Times = slices.Delete(s.Times, 0, n)
	return true
}

// Time is the time of the count-th event, given how many at the time of entry serve the step.
func (s *Step) Time(entry int64, atEntry, count int) int64 {
	need := count - s.Taken - atEntry
	switch {
	case s.Reached != 0:
		return s.Reached
	case need <= 0:
		return entry
	case need <= len(s.Times):
		return s.Times[need-1]
	default:
		return 0
	}
}
