package facts

import (
	"cmp"
	"slices"
	"sort"
	"strings"
)

// Sequence is the state of steps that are to be done one after the other.
type Sequence struct {
	Reached []int64     // settled times of the first steps
	Taken   int         // settled events that serve the step after those
	Open    []Candidate // events after the entry that are not settled, in canonical order

	last    int64   // time of the newest of the taken, which others of its day may follow; of use where days are counted
	scratch []int64 // of walks
}

// Candidate is an event that may serve a step of a sequence.
type Candidate struct {
	Time        int64
	Steps       uint64 // bit i: matches step i
	ID, Payload string // of use where it matches several steps: of events that serve one alike, any serves it
}

// Reset forgets all candidates.
func (s *Sequence) Reset() { s.Reached, s.Taken, s.last, s.Open = s.Reached[:0], 0, 0, s.Open[:0] }

// Empty reports whether there never was a candidate.
func (s *Sequence) Empty() bool { return len(s.Reached) == 0 && s.Taken == 0 && len(s.Open) == 0 }

// Encode writes the sequence.
func (s *Sequence) Encode(w *Writer, needs []Need) {
	writeTimes(w, s.Reached)
	w.Uint(uint64(s.Taken))
	if s.takesDays(needs) {
		w.Time(s.last)
	}
	w.Uint(uint64(len(s.Open)))
	for i := range s.Open {
		c := &s.Open[i]
		w.Time(c.Time)
		w.Uint(c.Steps)
		w.Text(c.ID)
		w.Text(c.Payload)
	}
}

// Decode reads a sequence. Texts point into the bytes read.
func (s *Sequence) Decode(r *Reader, needs []Need) {
	s.Reached = readTimes(r, s.Reached[:0])
	s.Taken = int(r.Uint())
	if s.takesDays(needs) {
		s.last = r.Time()
	}
	for range r.Count() {
		c := Candidate{Time: r.Time(), Steps: r.Uint()}
		c.ID, c.Payload = r.View(), r.View()
		s.Open = append(s.Open, c)
	}
}

// takesDays reports whether a step was begun that counts days.
func (s *Sequence) takesDays(needs []Need) bool {
	return s.Taken > 0 && len(s.Reached) < len(needs) && needs[len(s.Reached)].day != nil
}

// run is a walk of a sequence's candidates: how far they lead.
type run struct {
	reached []int64 // times of the steps reached, first step first
	taken   int     // candidates that serve the step after those
	last    int64   // time of the newest of them
}

// Walk returns the times of the steps that events at the entry's time and the candidates lead to, given what each step
// needs. They are valid until the next call.
func (s *Sequence) Walk(needs []Need, atEntry []Candidate) []int64 {
	open := s.Open
	if len(atEntry) > 0 {
		open = append(atEntry, open...) // the rest comes after the entry
	}
	if len(open) == 0 {
		return s.Reached
	}
	return s.walk(needs, open).reached
}

// walk takes candidates, which are in canonical order, as the contract says: each step, at its count-th matching
// event at or after the step before it, or at the first one of its count-th day; of events at one time first those that serve no
// later step, then by message id and payload. It looks at the candidates of one time together, and at each time once.
// The run's times are valid until the next walk.
func (s *Sequence) walk(needs []Need, open []Candidate) run {
	r := run{reached: append(s.scratch[:0], s.Reached...), taken: s.Taken, last: s.last}
	defer func() { s.scratch = r.reached[:0] }()
	var served [MaxOpen + 1]bool
	for from := 0; from < len(open) && len(r.reached) < len(needs); {
		to := from + 1
		for to < len(open) && open[to].Time == open[from].Time {
			to++
		}
		r.walkTime(needs, open[from:to], served[:])
		clear(served[:min(to-from, len(served))])
		from = to
	}
	return r
}

// walkTime takes what the candidates of one time lead to, and marks those that serve in zero memory.
func (r *run) walkTime(needs []Need, open []Candidate, served []bool) {
	if len(open) > len(served) {
		served = make([]bool, len(open))
	}
	for len(r.reached) < len(needs) {
		step := len(r.reached)
		if r.taken > 0 && needs[step].same(r.last, open[0].Time) {
			break
		}
		next := pick(open, served, step)
		if next < 0 {
			break
		}
		served[next], r.last = true, open[next].Time
		if r.taken++; r.taken == needs[step].Count {
			r.reached, r.taken = append(r.reached, open[next].Time), 0
		}
	}
}

// pick returns the first of the candidates of one time that may serve a step, -1 when there is none.
func pick(open []Candidate, served []bool, step int) int {
	later := -1
	for i := range open {
		if served[i] || open[i].Steps&(1<<step) == 0 {
			continue
		}
		if open[i].Steps>>(step+1) == 0 {
			return i
		}
		if later < 0 {
			later = i
		}
	}
	return later
}

func compareCandidates(a, b Candidate) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time), strings.Compare(a.ID, b.ID), strings.Compare(a.Payload, b.Payload))
}

// Propose adds a candidate unless it can no longer matter: every step it serves was reached before it. Steps
// are only ever reached earlier as events arrive, so what does not matter now never will. It reports whether it was added, and
// how many candidates the caps took.
func (s *Sequence) Propose(x Candidate, needs []Need) (added bool, capped int) {
	x.Steps &^= 1<<len(s.Reached) - 1
	if x.Steps == 0 {
		return false, 0
	}
	if x.Steps&(x.Steps-1) == 0 {
		x.ID, x.Payload = "", ""
	}
	x.ID, x.Payload = strings.Clone(x.ID), strings.Clone(x.Payload) // what they point into may change before the block is written
	at, _ := slices.BinarySearchFunc(s.Open, x, compareCandidates)
	s.Open = slices.Insert(s.Open, at, x)
	s.forget(needs)
	for len(s.Open) > MaxOpen {
		capped++
		s.evict(needs)
	}
	s.lighten()
	return true, capped
}

// evict drops the first candidate that serves no step as things stand: it would matter only to an event that is still to come and is
// earlier. So events that come in order lose nothing however many of a later step there are. Where all serve, it drops the last.
func (s *Sequence) evict(needs []Need) {
	at := slices.Index(s.serving(needs), false)
	if at < 0 {
		at = len(s.Open) - 1
	}
	s.Open = slices.Delete(s.Open, at, at+1)
}

// serving marks the candidates that serve a step, however far events at the entry's time lead.
func (s *Sequence) serving(needs []Need) []bool {
	marks := make([]bool, len(s.Open))
	for first := len(s.Reached); first < len(needs); first++ {
		r := run{reached: make([]int64, first, len(needs))}
		if first == len(s.Reached) {
			r.taken, r.last = s.Taken, s.last
		}
		for from := 0; from < len(s.Open) && len(r.reached) < len(needs); {
			to := from + 1
			for to < len(s.Open) && s.Open[to].Time == s.Open[from].Time {
				to++
			}
			served := make([]bool, to-from)
			r.walkTime(needs, s.Open[from:to], served)
			for i, does := range served {
				marks[from+i] = marks[from+i] || does
			}
			from = to
		}
	}
	return marks
}

// lighten lets the first candidates forget their payloads while there is too much text: they say only which of several events of one
// time and id is the first.
func (s *Sequence) lighten() {
	size := s.textSize()
	if size <= MaxOpenText {
		return
	}
	for i := 0; i < len(s.Open) && size > MaxOpenText; i++ {
		size -= len(s.Open[i].Payload)
		s.Open[i].Payload = ""
	}
	slices.SortStableFunc(s.Open, compareCandidates)
}

func (s *Sequence) textSize() (n int) {
	for i := range s.Open {
		n += len(s.Open[i].ID) + len(s.Open[i].Payload)
	}
	return n
}

// forget drops the candidates that cannot matter.
func (s *Sequence) forget(needs []Need) {
	r := s.walk(needs, s.Open)
	s.Open = slices.DeleteFunc(s.Open, func(c Candidate) bool {
		for i := range needs {
			if c.Steps&(1<<i) != 0 && (i >= len(r.reached) || c.Time <= r.reached[i]) {
				return false
			}
		}
		return true
	})
}

// Trim drops candidates later than last.
func (s *Sequence) Trim(last int64) {
	s.Open = slices.DeleteFunc(s.Open, func(c Candidate) bool { return c.Time > last })
}

// Collapse walks the candidates that the watermark has passed and forgets them.
func (s *Sequence) Collapse(watermark int64, needs []Need) bool {
	settled := sort.Search(len(s.Open), func(i int) bool { return s.Open[i].Time >= watermark })
	if settled == 0 {
		return false
	}
	r := s.walk(needs, s.Open[:settled])
	s.Reached, s.Taken, s.last = append(s.Reached[:0], r.reached...), r.taken, r.last
	s.Open = slices.DeleteFunc(slices.Delete(s.Open, 0, settled), func(c Candidate) bool { return c.Steps>>len(s.Reached) == 0 })
	return true
}
