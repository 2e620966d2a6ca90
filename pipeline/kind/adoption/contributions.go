package adoption

import (
	"math"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
	"firstlight/pipeline/cohort"
	"firstlight/pipeline/facts"
)

var _ cohort.Counter = (*State)(nil)

// Count counts the first use within the horizon by when the user entered, and the use in every window: before the entry in the
// not-entered row, after it in the cohort.
func (s *State) Count(f *cohort.Folder, u *facts.User, focus cohort.Focus) {
	co := u.Cohort(s.def.Cohort)
	if co.Entered() && !s.keepsFirst(focus) {
		if s.Outcome(co, &s.outcome); s.outcome.Reached != 0 {
			f.Reached(co, s.metric, 0, s.outcome.Reached-co.Entry)
		}
	}
	activity := u.Activity(s.activity)
	if focus.At == 0 || !co.Entered() {
		side := cohort.Uses{Metric: s.metric, First: s.FirstEver, Until: math.MaxInt64, Limit: cohort.Forever, Focus: focus}
		if co.Entered() {
			side.Until, side.Limit = co.Entry, s.joiner.Calendar.DayOf(co.Entry/1000)
		}
		s.count(f, &side, &activity.Before, &s.before)
	}
	if co.Entered() {
		side := cohort.Uses{Metric: s.metric, Cohort: co, Start: f.CohortStart(s.def.Cohort, co.Entry), First: s.First, Until: math.MaxInt64, Limit: cohort.Forever, Focus: focus}
		s.count(f, &side, &activity.After, &s.after)
	}
}

// keepsFirst reports whether a focus leaves the first use as it is.
func (s *State) keepsFirst(focus cohort.Focus) bool {
	return focus.Idle || s.First != 0 && s.First < focus.At
}

// Narrow returns an event as the focus, none when it may change more than the windows that hold it: it lies before the
// entry, or moves the first use from a window that does not hold it.
func (s *State) Narrow(u *facts.User, t int64, mask *catalog.Mask) (focus cohort.Focus) {
	co := u.Cohort(s.def.Cohort)
	first := s.FirstEver
	if co.Entered() {
		first = s.First
	}
	if t < first || t < co.Entry {
		return focus
	}
	return cohort.Focus{At: t, Idle: !mask.Has(s.def.Steps[0].Selector)}
}

// count counts one side, by the days of both books.
func (s *State) count(f *cohort.Folder, side *cohort.Uses, activity, feature *facts.Book) {
	first, last := calendar.Day(0), cohort.Forever
	if side.Focus.At != 0 {
		first, last = f.Around(side.Focus.At)
	}
	side.Active, side.Feature = activity.Last, feature.Last
	side.Days = s.uses.merge(activity, feature, first, last)
	f.Used(side)
}

// uses merges days of activity and days of use.
type uses struct {
	merged            []cohort.Use
	activity, feature []facts.Day
}

func (u *uses) merge(activity, feature *facts.Book, first, last calendar.Day) []cohort.Use {
	u.activity, u.feature = activity.Days(u.activity[:0], first, last), feature.Days(u.feature[:0], first, last)
	u.merged = u.merged[:0]
	for a, b := u.activity, u.feature; len(a) > 0 || len(b) > 0; {
		var use cohort.Use
		if len(b) == 0 || len(a) > 0 && a[0].Day <= b[0].Day {
			use.Day, use.Hours = a[0].Day, a[0].Hours
		} else {
			use.Day = b[0].Day
		}
		if len(a) > 0 && a[0].Day == use.Day {
			a = a[1:]
		}
		if len(b) > 0 && b[0].Day == use.Day {
			use.Events, use.ByHour = b[0].Events, &b[0]
			use.Hours |= b[0].Hours
			b = b[1:]
		}
		u.merged = append(u.merged, use)
	}
	return u.merged
}
