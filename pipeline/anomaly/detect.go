package anomaly

import (
	"math"
	"time"

	"firstlight/pipeline/calendar"
)

// Detection without configuration: every metric's whole-cohort series is compared with its own history, in the direction
// that is not good. One setting, the false alarms a month that people accept, decides how much evidence it takes.

// detect watches everything that has a history.
func (j *judge) detect() []*watch {
	if j.catalog.FalseAlarms == 0 {
		return nil
	}
	var families []*family
	for i := range j.catalog.Metrics {
		f := &family{}
		families = append(families, f)
		m := &j.catalog.Metrics[i]
		for _, age := range m.Kind.Ages(m) {
			f.series = append(f.series, j.rateAt(i, age))
		}
		if n := len(f.series); n > 0 && m.Kind.Traits().Reached {
			f.series[n-1].early = j.early(i, f.series[n-1].ageMs)
		}
		if m.Kind.Traits().ByPeriod.View != "" {
			f.series = append(f.series, j.returnedIn(i, m.TargetPeriod()))
		}
		if m.Kind.Traits().ByWindow.View != "" {
			f.series = append(f.series, j.shareOfActive(i))
		}
		j.series += len(f.series)
	}
	var watches []*watch
	for _, f := range families {
		f.threshold = j.threshold(len(families))
		watches = append(watches, f.judge()...)
	}
	return watches
}

// threshold is the logarithm of the evidence that makes an alarm: an e-detector that alarms at c does so, while nothing
// changes, every c steps at most. A step is a day, and all metrics share the budget.
func (j *judge) threshold(families int) float64 {
	const month = 30.0
	return math.Log(max(2, month*float64(families)/j.catalog.FalseAlarms))
}

// eachDay calls f for every complete local day of the evidence.
func (j *judge) eachDay(f func(s span)) {
	for d := j.evidence.From; j.cal.Start(d+1) <= j.evidence.AsOf; d++ {
		f(day(j.cal, d))
	}
}

// rateAt is the share of each day's new users who had got there by an age.
func (j *judge) rateAt(metric int, age time.Duration) *dailySeries {
	c := j.newDailySeries(metric, "rate "+age.String())
	c.ageMs = age.Milliseconds()
	j.eachDay(func(s span) {
		k, n := j.counts(metric, s, c.ageMs)
		c.add(observed{tally: tally{s, k, n}, at: j.ready(s, c.ageMs), spoilt: j.spoilt(metric, s, c.ageMs)})
	})
	return c
}

// shareOfActive is the share of each day's users, those of the day before mostly, who count.
func (j *judge) shareOfActive(metric int) *dailySeries {
	c := j.newDailySeries(metric, j.catalog.Metrics[metric].Kind.String())
	c.same = true
	byStart := map[int64]Use{}
	for _, u := range j.evidence.Metrics[metric].Uses["1d"] {
		byStart[u.Start] = u
	}
	j.eachDay(func(s span) {
		u := byStart[s.start]
		c.add(observed{tally: tally{s, u.Adopters, u.Active}, at: j.ready(s, 0), spoilt: j.spoilt(metric, s, 0)})
	})
	return c
}

func (j *judge) newDailySeries(metric int, key string) *dailySeries {
	m := &j.catalog.Metrics[metric]
	c := &dailySeries{metric: metric, key: key, rise: m.Direction == "down", reason: Dropped, asOf: j.evidence.AsOf}
	if c.rise {
		c.reason = Rose
	}
	if m.Kind.Traits().Time != "" { // fewer users who got there by an age is a longer time
		c.rise, c.reason = m.Direction == "up", Slower
		if c.rise {
			c.reason = Faster
		}
	}
	return c
}

// weekday of a local day, 0 is Thursday: only sameness matters.
func weekday(d calendar.Day) int { return int((d%7 + 7) % 7) }
