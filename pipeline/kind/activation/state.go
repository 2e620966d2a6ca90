package activation

import (
	"fmt"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/facts"
)

var _ facts.Kind = Kind{}

// State is what is known of one user's way to activation: what served each step, or in a sequence the candidates of all.
type State struct {
	facts.Served
	joiner    *facts.Joiner
	metric    int
	def       *catalog.Metric
	needs     []facts.Need // of each step
	steps     []facts.Step
	sequence  facts.Sequence
	atEntry   []*facts.Open
	candidate []facts.Candidate
	outcome   facts.Outcome
}

// NewState returns the state of the catalog's i-th metric, of a user of whom nothing is known.
func (Kind) NewState(j *facts.Joiner, metric int) facts.State {
	def := &j.Catalog.Metrics[metric]
	return &State{
		Served: facts.NewServed(def), joiner: j, metric: metric, def: def, needs: j.Needs(def), steps: make([]facts.Step, len(def.Steps)),
	}
}

// Identity is the order of the steps, and the time for them.
func (Kind) Identity(_ *catalog.Catalog, m *catalog.Metric) string {
	return fmt.Sprintf("activation sequence=%t within=%s", m.Sequence, m.Within)
}

// Serve takes an event that may serve steps, unless it is beyond the horizon.
func (s *State) Serve(co *facts.Cohort, o *facts.Open) bool {
	if o.Time > s.deadline(co) {
		return false
	}
	steps := s.stepsOf(&o.Mask)
	if s.def.Sequence {
		changed, capped := s.sequence.Propose(facts.Candidate{Time: o.Time, Steps: steps, ID: o.ID, Payload: o.Payload}, s.needs)
		s.joiner.Capped += uint64(capped)
		return changed
	}
	changed := false
	for i := range s.steps {
		if steps&(1<<i) != 0 && s.steps[i].Add(o.Time, s.needs[i]) {
			changed = true
		}
	}
	return changed
}

func (s *State) deadline(co *facts.Cohort) int64 { return co.Entry + s.def.Within.Milliseconds() }

// stepsOf returns the steps that a mask matches, as bits.
func (s *State) stepsOf(mask *catalog.Mask) (steps uint64) {
	for i := range s.def.Steps {
		if mask.Has(s.def.Steps[i].Selector) {
			steps |= 1 << i
		}
	}
	return steps
}

// Trim drops what is beyond the horizon of an earlier entry.
func (s *State) Trim(co *facts.Cohort) {
	for i := range s.steps {
		s.steps[i].Trim(s.deadline(co))
	}
	s.sequence.Trim(s.deadline(co))
}

// Collapse keeps, of what the watermark has passed, only which steps it reached. Until the entry is settled everything stays.
func (s *State) Collapse(u *facts.User, watermark, _ int64) bool {
	co := u.Cohort(s.def.Cohort)
	if !co.Settled {
		return false
	}
	if s.def.Sequence {
		return s.sequence.Collapse(watermark, s.needs)
	}
	changed := false
	for i := range s.steps {
		if s.steps[i].Collapse(watermark, s.needs[i]) {
			changed = true
		}
	}
	return changed
}

// Ignores reports whether an event after the entry comes after the horizon, or after all steps it could serve were served.
func (s *State) Ignores(u *facts.User, t int64, mask *catalog.Mask) bool {
	if t > s.deadline(u.Cohort(s.def.Cohort)) {
		return true
	}
	if s.def.Sequence {
		return len(s.sequence.Reached) == len(s.needs)
	}
	for i := range s.steps {
		if mask.Has(s.def.Steps[i].Selector) && !s.steps[i].Full(t, s.needs[i]) {
			return false
		}
	}
	return true
}

// Outcome says when each step was reached, and the last of them.
func (s *State) Outcome(co *facts.Cohort, o *facts.Outcome) {
	o.Steps = o.Steps[:0]
	s.atEntry = co.AtEntry(s.atEntry[:0])
	if s.def.Sequence {
		s.walk(o)
	} else {
		for i := range s.steps {
			o.Steps = append(o.Steps, s.steps[i].Time(co.Entry, s.servedAtEntry(i), s.needs[i]))
		}
	}
	o.Conclude()
}

func (s *State) servedAtEntry(step int) (n int) {
	for _, o := range s.atEntry {
		if o.Mask.Has(s.def.Steps[step].Selector) {
			n++
		}
	}
	return n
}

func (s *State) walk(o *facts.Outcome) {
	s.candidate = s.candidate[:0]
	for _, at := range s.atEntry {
		if steps := s.stepsOf(&at.Mask); steps != 0 {
			s.candidate = append(s.candidate, facts.Candidate{Time: at.Time, Steps: steps, ID: at.ID, Payload: at.Payload})
		}
	}
	o.Steps = append(o.Steps, s.sequence.Walk(s.needs, s.candidate)...)
	for len(o.Steps) < len(s.needs) {
		o.Steps = append(o.Steps, 0)
	}
}

// NewestOpen is the time of the newest candidate of a sequence.
func (s *State) NewestOpen() int64 {
	if n := len(s.sequence.Open); n > 0 {
		return s.sequence.Open[n-1].Time
	}
	return 0
}
