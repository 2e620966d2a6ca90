package retention

import (
	"fmt"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/facts"
)

var _ facts.Kind = Kind{}

// State is when one user came back. Until the start is settled it is the times of the events that may be returns, then which periods
// since the start have one.
type State struct {
	facts.Served
	counting
	metric  int
	def     *catalog.Metric
	after   *catalog.Metric // nil: the entry is the start
	settled bool
	never   bool  // settled: the user does not start
	start   int64 // settled, where it is not the entry
	times   times // while not settled
	tally   tally // once it is

	until   int64 // when the start will be settled, if nothing changes; of use while there are times
	counted tally // scratch of Count
	atEntry []*facts.Open
	outcome facts.Outcome
}

// NewState returns the state of the catalog's i-th metric, of a user of whom nothing is known.
func (Kind) NewState(j *facts.Joiner, metric int) facts.State {
	def := &j.Catalog.Metrics[metric]
	s := &State{Served: facts.NewServed(def), counting: counting{j, def.Periods, def.Kind.(Kind).least}, metric: metric, def: def}
	if def.Periods.After != catalog.NoMetric {
		s.after = &j.Catalog.Metrics[def.Periods.After]
	}
	s.tally.reset()
	return s
}

// Identity is what a return is and when it counts, and the metric that users start with.
func (k Kind) Identity(c *catalog.Catalog, m *catalog.Metric) string {
	after := ""
	if m.Periods.After != catalog.NoMetric {
		other := &c.Metrics[m.Periods.After]
		after = other.Kind.(facts.Kind).Identity(c, other)
		for _, s := range other.Steps {
			after += fmt.Sprintf(" %d %q", s.Count, c.Selectors[s.Selector].Text)
			if s.Days {
				after += " days"
			}
		}
	}
	return fmt.Sprintf("retention period=%s periods=%d least=%s after=%s", m.Periods.Unit, m.Periods.Last, k.least, after)
}

// Serve takes an event that may be a return: any but the entry, in cohorts of first sight too.
func (s *State) Serve(co *facts.Cohort, o *facts.Open) bool {
	switch {
	case s.never || co.IsEntry(o):
		return false
	case s.settled:
		start := s.startOf(co)
		return s.isReturn(start, o.Time) && s.add(&s.tally, start, o.Time)
	}
	changed, capped := s.remember(o.Time)
	s.joiner.Capped += uint64(capped)
	return changed
}

// startOf is when a user whose start is settled started.
func (s *State) startOf(co *facts.Cohort) int64 {
	if s.after == nil {
		return co.Entry
	}
	return s.start
}

// isReturn reports whether an event at a time may be a return, given the start: the entry itself is told apart already.
func (s *State) isReturn(start, at int64) bool { return at > start || at == start && s.after == nil }

// started returns when a user started (ms), 0 when not yet.
func (s *State) started(u *facts.User, co *facts.Cohort) int64 {
	switch {
	case s.never:
		return 0
	case s.settled || s.after == nil:
		return s.startOf(co)
	}
	u.Metric(s.def.Periods.After).Outcome(co, &s.outcome)
	return s.outcome.Reached
}

// Trim does nothing: a return is remembered whenever it is.
func (s *State) Trim(*facts.Cohort) {}

// Collapse turns times into periods once the start is settled: the entry is, and the watermark has passed the start, or the time in
// which there might be one.
func (s *State) Collapse(u *facts.User, watermark, _ int64) bool {
	co := u.Cohort(s.def.Cohort)
	if s.settled {
		return !s.never && s.settle(&s.tally, s.startOf(co), watermark)
	}
	s.until = co.Entry
	if s.after != nil {
		s.until += s.after.Within.Milliseconds()
	}
	if !co.Settled { // the entry may be moving just now: there is no outcome to ask for
		return false
	}
	start := s.started(u, co)
	if start != 0 {
		s.until = start
	}
	if s.until >= watermark {
		return false
	}
	s.settled, s.never = true, start == 0
	if s.after != nil {
		s.start = start
	}
	had := len(s.times) > 0
	for _, t := range s.times {
		if !s.never && s.isReturn(start, t) {
			s.add(&s.tally, start, t)
		}
	}
	s.times = s.times[:0]
	return had
}

// Ignores reports whether an event after the entry comes to a period that has a return already, or is like others that are remembered.
func (s *State) Ignores(u *facts.User, t int64, _ *catalog.Mask) bool {
	switch {
	case s.never:
		return true
	case s.settled:
		start := s.startOf(u.Cohort(s.def.Cohort))
		return !s.isReturn(start, t) || s.tally.ignores(s.joiner.PeriodOf(s.periods.Unit, start, t), s.periods.Last)
	}
	from, to := s.stretch(t)
	return s.redundant(t, from, to)
}

// Outcome says nothing: a user is not there once and for all.
func (s *State) Outcome(_ *facts.Cohort, o *facts.Outcome) { o.Reached, o.Steps = 0, o.Steps[:0] }

// NewestOpen is when the start will be settled, while there are times that wait for it.
func (s *State) NewestOpen() int64 {
	if len(s.times) == 0 {
		return 0
	}
	return s.until
}

// returns says in which periods a user came back who started at a time.
func (s *State) returns(co *facts.Cohort, start int64) *cohort.Returns {
	if s.settled {
		return &s.tally.returns
	}
	s.counted.reset()
	for _, t := range s.times {
		if s.isReturn(start, t) {
			s.add(&s.counted, start, t)
		}
	}
	if s.after != nil {
		return &s.counted.returns // what is at the time of the entry is not later than the start
	}
	s.atEntry = co.AtEntry(s.atEntry[:0])
	for _, o := range s.atEntry {
		if o.Mask.Has(s.def.Steps[0].Selector) && !co.IsEntry(o) {
			s.add(&s.counted, start, o.Time)
		}
	}
	return &s.counted.returns
}
