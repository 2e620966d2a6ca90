package anomaly

import (
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
)

// Judge returns every incident that the evidence shows, also those that have ended, in order of their beginning.
func Judge(c *catalog.Catalog, e *Evidence) []Incident {
	incidents, _ := JudgeCounted(c, e)
	return incidents
}

// JudgeCounted is Judge that also says how many days of series were compared with their history.
func JudgeCounted(c *catalog.Catalog, e *Evidence) (incidents []Incident, seriesDays int) {
	j := &judge{catalog: c, evidence: e, cal: calendar.New(c.Location, c.WeekStart), shares: map[shareKey]float64{}}
	for i := range e.Sources {
		j.began = append(j.began, first(e.Sources[i].Hours))
	}
	var watches []*watch
	for i := range e.Sources {
		w, silentTimes := j.silence(&e.Sources[i])
		watches = append(watches, w)
		j.silences = append(j.silences, silentTimes...)
	}
	watches = append(watches, j.entries()...)
	watches = append(watches, j.partial()...)
	for i := range c.Metrics {
		for g := range c.Metrics[i].Guardrails {
			watches = append(watches, j.guardrail(i, &c.Metrics[i].Guardrails[g]))
		}
	}
	byHistory := append(j.volumes(), j.detect()...)
	for _, w := range byHistory {
		seriesDays += w.judged()
	}
	watches = append(watches, byHistory...)
	var episodes []*episode
	for _, w := range watches {
		episodes = append(episodes, w.fold()...)
	}
	return j.incidents(episodes), seriesDays
}

// judge is one evaluation.
type judge struct {
	catalog  *catalog.Catalog
	evidence *Evidence
	cal      *calendar.Calendar
	silences []silentTime
	began    []int64 // by source: its first hour (Unix s)
	shares   map[shareKey]float64
	series   int // compared with their history
}

// ready is when a window can be judged: it has settled, and its users are old enough.
func (j *judge) ready(s span, ageMs int64) int64 {
	return s.end + max(int64(j.catalog.Settle.Seconds()), (ageMs+999)/1000)
}

// counts returns how many users of a window there are, and how many of them had got there by an age.
func (j *judge) counts(metric int, s span, ageMs int64) (k, n int64) {
	f := j.followed(metric, s)
	return f.reachedBy(ageMs), f.Entered
}

// followed joins the users who entered in a window.
func (j *judge) followed(metric int, s span) Followed {
	series := &j.evidence.Metrics[metric]
	if s.end-s.start == calendar.HourSeconds {
		return series.Hours[s.start]
	}
	var all Followed
	for d := s.first; d <= s.last; d++ {
		if i := int(d - j.evidence.From); i >= 0 && i < len(series.Days) {
			all.add(&series.Days[i])
		}
	}
	return all
}

// uses returns a feature's use in a window.
func (j *judge) uses(metric int, s span) (k, n int64) {
	for _, u := range j.evidence.Metrics[metric].Uses[s.window] {
		if u.Start == s.start {
			return u.Adopters, u.Active
		}
	}
	return 0, 0
}

// measure returns k of n in a window, whatever the kind of metric.
func (j *judge) measure(metric int, s span, ageMs int64) (k, n int64) {
	if j.catalog.Metrics[metric].Kind.Traits().ByAge {
		return j.counts(metric, s, ageMs)
	}
	return j.uses(metric, s)
}

// first is the earliest of some hours; ongoing when there are none.
func first(hours map[int64]int64) int64 {
	at := int64(ongoing)
	for hour := range hours {
		at = min(at, hour)
	}
	return at
}

// dayOf reads a local date such as 2026-05-01; false when there is none.
func dayOf(date string) (calendar.Day, bool) {
	t, err := time.Parse(time.DateOnly, date)
	return calendar.FromDate(t.Year(), t.Month(), t.Day()), err == nil
}
