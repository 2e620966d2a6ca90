package anomaly

import (
	"maps"
	"slices"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// How far back is judged. Counts of long ago are left out from time to time, and what is shown of the incidents of today must
// not change by that.

const (
	// lookbackDays of counts are judged: the history that a series is compared with, twice and some.
	lookbackDays = 120
	// keptDays is for how long more is judged where less would say something else.
	keptDays = 120
)

// Lookback is the first local day of the evidence that is enough to judge at asOf (Unix s): the first of a month, so that what is
// judged does not lose a day every day.
func Lookback(c *catalog.Catalog, asOf int64) calendar.Day {
	cal := calendar.New(c.Location, c.WeekStart)
	first, _ := cal.Month(cal.DayOf(asOf) - lookbackDays)
	return first
}

// Evaluate judges evidence and returns what is to be said now, and from which day on the evidence of the next evaluation has to
// reach: where the days before Lookback still make a difference, they are judged once more.
func Evaluate(c *catalog.Catalog, e *Evidence, told Told) (news []News, from calendar.Day) {
	from = Lookback(c, e.AsOf)
	news = Compare(c, e, Judge(c, e), told)
	if e.From >= from {
		return news, from
	}
	later := e.since(from, calendar.New(c.Location, c.WeekStart))
	shorter := Compare(c, later, Judge(c, later), told)
	if slices.EqualFunc(news, shorter, sameNews) || e.From < from-keptDays {
		return shorter, from
	}
	return news, e.From
}

func sameNews(a, b News) bool {
	return a.Message.Incident == b.Message.Incident && a.Message.State == b.Message.State && a.Message.At.Equal(b.Message.At) && !a.Message.differs(&b.Message)
}

// since is the evidence from a later day on.
func (e *Evidence) since(from calendar.Day, cal *calendar.Calendar) *Evidence {
	start := cal.Start(from)
	later := *e
	later.From = from
	later.Metrics = make([]Series, len(e.Metrics))
	for i, s := range e.Metrics {
		later.Metrics[i] = s.since(int(from-e.From), start)
	}
	later.Sources = nil
	for _, s := range e.Sources {
		if s.Hours = sinceHour(s.Hours, start); len(s.Hours) > 0 {
			later.Sources = append(later.Sources, s)
		}
	}
	later.Cohorts = make([]Entries, len(e.Cohorts))
	for i := range e.Cohorts {
		later.Cohorts[i].Hours = sinceHour(e.Cohorts[i].Hours, start)
	}
	return &later
}

// since is a series without its first days, and without what began before a time.
func (s Series) since(days int, start int64) Series {
	later := Series{Days: s.Days[min(days, len(s.Days)):], Hours: s.Hours, Uses: map[string][]Use{}}
	for window, uses := range s.Uses {
		later.Uses[window] = slices.DeleteFunc(slices.Clone(uses), func(u Use) bool { return u.Start < start })
	}
	return later
}

func sinceHour(hours map[int64]int64, start int64) map[int64]int64 {
	later := maps.Clone(hours)
	maps.DeleteFunc(later, func(at, _ int64) bool { return at < start })
	return later
}
