package ttfv

import (
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/facts"
)

var _ cohort.Counter = (*State)(nil)

// Narrow returns none: all that a user counts is little.
func (s *State) Narrow(*facts.User, int64, *catalog.Mask) (none cohort.Focus) { return none }

// Count counts the value by when the user entered, and by when it was.
func (s *State) Count(f *cohort.Folder, u *facts.User, _ cohort.Focus) {
	co := u.Cohort(s.def.Cohort)
	if !co.Entered() {
		return
	}
	if s.Outcome(co, &s.outcome); s.outcome.Reached != 0 {
		f.Reached(co, s.metric, 0, s.outcome.Reached-co.Entry)
		f.Completed(co, s.metric, s.outcome.Reached)
	}
}
