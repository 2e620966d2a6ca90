package retention

import (
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/facts"
)

var _ cohort.Counter = (*State)(nil)

// Narrow returns none: all that a user counts is little.
func (s *State) Narrow(*facts.User, int64, *catalog.Mask) (none cohort.Focus) { return none }

// Count counts a user who started, with the periods in which it came back, and apart by what another metric says of it.
func (s *State) Count(f *cohort.Folder, u *facts.User, _ cohort.Focus) {
	co := u.Cohort(s.def.Cohort)
	if !co.Entered() {
		return
	}
	start := s.started(u, co)
	if start == 0 {
		return
	}
	returns := s.returns(co, start)
	f.Started(co, s.metric, start, returns)
	if split := s.def.Periods.Split; split != catalog.NoMetric {
		u.Metric(split).Outcome(co, &s.outcome)
		f.Split(co, s.metric, start, s.outcome.Reached != 0, returns)
	}
}

// Returned reports whether a user who entered came back in a period.
func (s *State) Returned(u *facts.User, co *facts.Cohort, period int) bool {
	start := s.started(u, co)
	return start != 0 && s.returns(co, start).Has(period)
}
