package ttfv

import (
	"fmt"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/facts"
)

var _ facts.Kind = Kind{}

// State is what is known of one user's way to the first value: the events of value, as many as it takes.
type State struct {
	facts.Served
	metric  int
	def     *catalog.Metric
	need    facts.Need
	value   facts.Step
	atEntry []*facts.Open
	outcome facts.Outcome
}

// NewState returns the state of the catalog's i-th metric, of a user of whom nothing is known.
func (Kind) NewState(j *facts.Joiner, metric int) facts.State {
	def := &j.Catalog.Metrics[metric]
	return &State{Served: facts.NewServed(def), metric: metric, def: def, need: j.Needs(def)[0]}
}

// Identity is the horizon.
func (Kind) Identity(_ *catalog.Catalog, m *catalog.Metric) string {
	return fmt.Sprintf("ttfv within=%s", m.Within)
}

// Serve takes an event of value, unless it is beyond the horizon.
func (s *State) Serve(co *facts.Cohort, o *facts.Open) bool {
	return !s.beyond(co, o.Time) && s.value.Add(o.Time, s.need)
}

// beyond reports whether a time is after the horizon, if there is one.
func (s *State) beyond(co *facts.Cohort, t int64) bool {
	return s.def.Within > 0 && t > co.Entry+s.def.Within.Milliseconds()
}

// Trim drops what is beyond the horizon of an earlier entry.
func (s *State) Trim(co *facts.Cohort) {
	if s.def.Within > 0 {
		s.value.Trim(co.Entry + s.def.Within.Milliseconds())
	}
}

// Collapse counts the events that the watermark has passed. Until the entry is settled everything stays.
func (s *State) Collapse(u *facts.User, watermark, _ int64) bool {
	return u.Cohort(s.def.Cohort).Settled && s.value.Collapse(watermark, s.need)
}

// Ignores reports whether an event after the entry comes after the horizon, or after the value was reached.
func (s *State) Ignores(u *facts.User, t int64, _ *catalog.Mask) bool {
	return s.beyond(u.Cohort(s.def.Cohort), t) || s.value.Full(t, s.need)
}

// Outcome says when the value was reached.
func (s *State) Outcome(co *facts.Cohort, o *facts.Outcome) {
	s.atEntry = co.AtEntry(s.atEntry[:0])
	n := 0
	for _, at := range s.atEntry {
		if at.Mask.Has(s.def.Steps[0].Selector) {
			n++
		}
	}
	o.Steps = append(o.Steps[:0], s.value.Time(co.Entry, n, s.need))
	o.Conclude()
}

// NewestOpen is 0: what is not settled is bounded by the count.
func (s *State) NewestOpen() int64 { return 0 }
