package facts

import (
	"slices"
	"strings"

	"firstlight/pipeline/catalog"
)

// run is a walk of a sequence's candidates: which served, and how far they lead.
type run struct {
	reached []int64 // times of the steps reached, first step first
	taken   int     // candidates that serve the step after those
	served  []bool  // parallel to the candidates
}

// walk takes candidates in the order of the contract: each step, at its count-th matching event at or after the
// step before it; of events at one time first those that serve no later step, then by message id and payload.
func (s *Sequence) walk(def *catalog.Metric, entry int64, open []Candidate) run {
	r := run{reached: slices.Clone(s.Reached), taken: s.Taken, served: make([]bool, len(open))}
	for step := len(r.reached); step < len(def.Steps); step++ {
		from := entry
		if step > 0 {
			from = r.reached[step-1]
		}
		last := int64(0)
		for ; r.taken < def.Steps[step].Count; r.taken++ {
			next := r.next(open, step, from)
			if next < 0 {
				return r
			}
			r.served[next], last = true, open[next].Time
		}
		r.reached, r.taken = append(r.reached, last), 0
	}
	return r
}

func (r *run) next(open []Candidate, step int, from int64) int {
	best := -1
	for i := range open {
		c := &open[i]
		if !r.served[i] && c.Time >= from && c.Steps&(1<<step) != 0 && (best < 0 || servesBefore(c, &open[best], step)) {
			best = i
		}
	}
	return best
}

func servesBefore(a, b *Candidate, step int) bool {
	if a.Time != b.Time {
		return a.Time < b.Time
	}
	if la, lb := a.Steps>>(step+1) != 0, b.Steps>>(step+1) != 0; la != lb {
		return lb
	}
	if a.ID != b.ID {
		return a.ID < b.ID
	}
	return strings.Compare(a.Payload, b.Payload) < 0
}

// propose adds a candidate unless it can no longer matter: every step it serves was reached before it. Steps
// are only ever reached earlier as events arrive, so what does not matter now never will.
func (j *Joiner) propose(u *User, c, m int, o *Open, steps uint64) {
	s, def := &u.Metrics[m].Sequence, &j.Catalog.Metrics[m]
	steps &^= 1<<len(s.Reached) - 1
	if steps == 0 {
		return
	}
	s.Open = append(s.Open, Candidate{Time: o.Time, Steps: steps, ID: o.ID, Payload: o.Payload})
	j.forget(s, def, u.Cohorts[c].Entry)
	if len(s.Open) > MaxOpen {
		j.Capped++
		s.dropLast()
	}
}

func (j *Joiner) forget(s *Sequence, def *catalog.Metric, entry int64) {
	r := s.walk(def, entry, s.Open)
	s.Open = slices.DeleteFunc(s.Open, func(c Candidate) bool {
		for i := range def.Steps {
			if c.Steps&(1<<i) != 0 && (i >= len(r.reached) || c.Time <= r.reached[i]) {
				return false
			}
		}
		return true
	})
}

func (s *Sequence) dropLast() {
	last := 0
	for i := range s.Open {
		if s.Open[i].Time > s.Open[last].Time {
			last = i
		}
	}
	s.Open = slices.Delete(s.Open, last, last+1)
}

// collapseSequence walks the candidates that the watermark has passed and forgets them.
func (j *Joiner) collapseSequence(f *Metric, def *catalog.Metric, entry, watermark int64) {
	s := &f.Sequence
	settled := slices.DeleteFunc(slices.Clone(s.Open), func(c Candidate) bool { return c.Time >= watermark })
	if len(settled) == 0 {
		return
	}
	r := s.walk(def, entry, settled)
	s.Reached, s.Taken = r.reached, r.taken
	s.Open = slices.DeleteFunc(s.Open, func(c Candidate) bool {
		return c.Time < watermark || c.Steps>>len(s.Reached) == 0
	})
}
