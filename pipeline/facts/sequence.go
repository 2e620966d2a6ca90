package facts

import (
	"cmp"
	"slices"
	"sort"
	"strings"

	"firstlight/pipeline/catalog"
)

// run is a walk of a sequence's candidates: how far they lead.
type run struct {
	reached []int64 // times of the steps reached, first step first
	taken   int     // candidates that serve the step after those
}

// walk takes candidates, which are in canonical order, as the contract says: each step, at its count-th matching
// event at or after the step before it; of events at one time first those that serve no later step, then by
// message id and payload. It looks at the candidates of one time together, and at each time once.
// The run's times are valid until the Joiner's next walk.
func (j *Joiner) walk(s *Sequence, def *catalog.Metric, open []Candidate) run {
	r := run{reached: append(j.reached[:0], s.Reached...), taken: s.Taken}
	defer func() { j.reached = r.reached[:0] }()
	var served [MaxOpen + 1]bool
	for from := 0; from < len(open) && len(r.reached) < len(def.Steps); {
		to := from + 1
		for to < len(open) && open[to].Time == open[from].Time {
			to++
		}
		r.walkTime(def, open[from:to], served[:])
		from = to
	}
	return r
}

// walkTime takes what the candidates of one time lead to. served is zero memory, and is left so.
func (r *run) walkTime(def *catalog.Metric, open []Candidate, served []bool) {
	if len(open) > len(served) {
		served = make([]bool, len(open))
	}
	for len(r.reached) < len(def.Steps) {
		step := len(r.reached)
		next := pick(open, served, step)
		if next < 0 {
			break
		}
		served[next] = true
		if r.taken++; r.taken == def.Steps[step].Count {
			r.reached, r.taken = append(r.reached, open[next].Time), 0
		}
	}
	clear(served[:len(open)])
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

// propose adds a candidate unless it can no longer matter: every step it serves was reached before it. Steps
// are only ever reached earlier as events arrive, so what does not matter now never will.
func (j *Joiner) propose(u *User, m int, o *Open, steps uint64) {
	s, def := &u.Metrics[m].Sequence, &j.Catalog.Metrics[m]
	steps &^= 1<<len(s.Reached) - 1
	if steps == 0 {
		return
	}
	x := Candidate{Time: o.Time, Steps: steps, ID: o.ID, Payload: o.Payload}
	at, _ := slices.BinarySearchFunc(s.Open, x, compareCandidates)
	s.Open = slices.Insert(s.Open, at, x)
	j.forget(s, def)
	for len(s.Open) > MaxOpen || s.textSize() > MaxOpenText {
		j.Capped++
		s.Open = slices.Delete(s.Open, len(s.Open)-1, len(s.Open))
	}
}

func (s *Sequence) textSize() (n int) {
	for i := range s.Open {
		n += len(s.Open[i].ID) + len(s.Open[i].Payload)
	}
	return n
}

func (j *Joiner) forget(s *Sequence, def *catalog.Metric) {
	r := j.walk(s, def, s.Open)
	s.Open = slices.DeleteFunc(s.Open, func(c Candidate) bool {
		for i := range def.Steps {
			if c.Steps&(1<<i) != 0 && (i >= len(r.reached) || c.Time <= r.reached[i]) {
				return false
			}
		}
		return true
	})
}

// collapseSequence walks the candidates that the watermark has passed and forgets them.
func (j *Joiner) collapseSequence(s *Sequence, def *catalog.Metric, watermark int64) {
	settled := sort.Search(len(s.Open), func(i int) bool { return s.Open[i].Time >= watermark })
	if settled == 0 {
		return
	}
	r := j.walk(s, def, s.Open[:settled])
	s.Reached, s.Taken = append(s.Reached[:0], r.reached...), r.taken
	s.Open = slices.DeleteFunc(slices.Delete(s.Open, 0, settled), func(c Candidate) bool { return c.Steps>>len(s.Reached) == 0 })
}
