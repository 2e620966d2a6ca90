package adoption

import (
	"fmt"

	"firstlight/pipeline/catalog"
	"firstlight/pipeline/facts"
)

var _ facts.Kind = Kind{}

// State is one user's use of a feature in time. Being active is in the activity that metrics of the cohort share.
type State struct {
	FirstEver int64 // first use, before or after the entry
	First     int64 // first use at or after the entry

	joiner        *facts.Joiner
	metric        int
	def           *catalog.Metric
	activity      int // index of the shared activity
	before, after facts.Book
	uses          uses // scratch of Count
	outcome       facts.Outcome
}

// NewState returns the state of the catalog's i-th metric, of a user of whom nothing is known.
func (Kind) NewState(j *facts.Joiner, metric int) facts.State {
	def := &j.Catalog.Metrics[metric]
	return &State{joiner: j, metric: metric, def: def, activity: j.Share(def.Cohort, def.Active), before: j.NewBook(), after: j.NewBook()}
}

// Identity is the windows: what of the use is kept depends on them. The horizon is judged in the outcome.
func (Kind) Identity(c *catalog.Catalog, _ *catalog.Metric) string {
	return fmt.Sprintf("adoption windows=%v", c.Windows)
}

// Uses is the selector of the feature.
func (s *State) Uses() (mask catalog.Mask) {
	mask.Set(s.def.Steps[0].Selector)
	return mask
}

// Serves are none: any use counts, the entry too.
func (s *State) Serves() (none catalog.Mask) { return none }

// Shares is the activity of the selector of active events.
func (s *State) Shares() int { return s.activity }

// Use takes a use of the feature on its side of the entry.
func (s *State) Use(u *facts.User, o *facts.Open, side facts.Side, prune int64) bool {
	day, hour := s.joiner.Bin(o.Time)
	isNew := false
	switch side {
	case facts.Before:
		isNew = s.before.Add(day, hour, 1)
	case facts.Crossed:
		s.before.Add(day, hour, -1)
		fallthrough
	case facts.After:
		isNew = s.after.Add(day, hour, 1)
		s.First = earlier(s.First, o.Time)
	}
	s.FirstEver = earlier(s.FirstEver, o.Time)
	if isNew {
		s.Collapse(u, 0, prune)
	}
	return true
}

// earlier returns the earlier of two times, the first of which may be 0 for "not yet".
func earlier(first, t int64) int64 {
	if first == 0 || t < first {
		return t
	}
	return first
}

// Serve is never called.
func (s *State) Serve(*facts.Cohort, *facts.Open) bool { return false }

// Trim does nothing: a use is remembered whenever it is.
func (s *State) Trim(*facts.Cohort) {}

// Collapse drops the detail of windows that are final.
func (s *State) Collapse(u *facts.User, _, prune int64) bool {
	return s.joiner.Prune(u.Cohort(s.def.Cohort), &s.before, &s.after, prune)
}

// Ignores reports whether an event after the entry only makes a user active who was active in that hour or day already.
func (s *State) Ignores(u *facts.User, t int64, mask *catalog.Mask) bool {
	if mask.Has(s.def.Steps[0].Selector) {
		return false
	}
	day, hour := s.joiner.Bin(t)
	return u.Activity(s.activity).After.Has(day, hour) || s.after.Has(day, hour)
}

// Outcome says when the feature was first used, if within the horizon.
func (s *State) Outcome(co *facts.Cohort, o *facts.Outcome) {
	o.Steps = append(o.Steps[:0], s.First)
	if s.def.Within > 0 && s.First > co.Entry+s.def.Within.Milliseconds() {
		o.Steps[0] = 0
	}
	o.Conclude()
}

// NewestOpen is 0: nothing of a feature's use waits to be settled.
func (s *State) NewestOpen() int64 { return 0 }
