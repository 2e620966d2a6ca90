package activation

import (
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/facts"
)

var _ cohort.Counter = (*State)(nil)

// Narrow returns none: all that a user counts is little.
func (s *State) Narrow(*facts.User, int64, *catalog.Mask) (none cohort.Focus) { return none }

// Count counts the activation and each step by when the user entered, the activation by when it was, and in a sequence the time
// between steps.
func (s *State) Count(f *cohort.Folder, u *facts.User, _ cohort.Focus) {
	co := u.Cohort(s.def.Cohort)
	if !co.Entered() {
		return
	}
	s.Outcome(co, &s.outcome)
	if at := s.outcome.Reached; at != 0 {
		f.Reached(co, s.metric, 0, at-co.Entry)
		f.Completed(co, s.metric, at)
	}
	for i, at := range s.outcome.Steps {
		if at == 0 {
			continue
		}
		f.Reached(co, s.metric, i+1, at-co.Entry)
		if s.def.Sequence && i > 0 {
			f.Stepped(co, s.metric, i+1, at-s.outcome.Steps[i-1])
		}
	}
}
