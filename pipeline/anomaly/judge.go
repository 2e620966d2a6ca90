package anomaly

import (
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
	j := &judge{catalog: c, evidence: e, cal: calendar.New(c.Location, c.WeekStart)}
	var watches []*watch
	for i := range e.Sources {
		w := j.silence(&e.Sources[i])
		watches = append(watches, w)
		j.silences = append(j.silences, j.silent(w)...)
	}
	for i := range c.Metrics {
		for g := range c.Metrics[i].Guardrails {
			watches = append(watches, j.guardrail(i, &c.Metrics[i].Guardrails[g]))
		}
	}
	compared := append(j.volumes(), j.detect()...)
	for _, w := range compared {
		seriesDays += w.judged()
	}
	watches = append(watches, compared...)
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
	silences []quiet
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
	if j.catalog.Metrics[metric].Kind == catalog.Adoption {
		return j.uses(metric, s)
	}
	return j.counts(metric, s, ageMs)
}
