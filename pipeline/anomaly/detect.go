package anomaly

import (
	"math"
	"time"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/catalog"
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
		if j.catalog.Metrics[i].Kind == catalog.Adoption {
			f.series = append(f.series, j.adoption(i))
		} else {
			for _, age := range j.ages(i) {
				f.series = append(f.series, j.rateAt(i, age))
			}
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

// The ages at which users are compared, besides the whole horizon: early ones, because they are known early.
// Time to first value is compared at more of them: whatever its median is, one of them is near it.
var (
	activationAges = []time.Duration{time.Hour, 24 * time.Hour}
	valueAges      = []time.Duration{5 * time.Minute, time.Hour, 4 * time.Hour, 24 * time.Hour, 72 * time.Hour, 168 * time.Hour}
)

func (j *judge) ages(metric int) []time.Duration {
	m := &j.catalog.Metrics[metric]
	candidates := activationAges
	if m.Kind == catalog.TTFV {
		candidates = valueAges
	}
	var all []time.Duration
	for _, age := range candidates {
		if m.Within == 0 || age < m.Within {
			all = append(all, age)
		}
	}
	if m.Within > 0 && (m.Kind == catalog.Activation || m.Within < candidates[len(candidates)-1]) {
		all = append(all, m.Within)
	}
	return all
}

// eachDay calls f for every complete local day of the evidence.
func (j *judge) eachDay(f func(s span)) {
	for d := j.evidence.From; j.cal.Start(d+1) <= j.evidence.AsOf; d++ {
		f(day(j.cal, d))
	}
}

// rateAt is the share of each day's new users who had got there by an age.
func (j *judge) rateAt(metric int, age time.Duration) *compared {
	c := j.newCompared(metric, "rate "+age.String())
	c.ageMs = age.Milliseconds()
	j.eachDay(func(s span) {
		k, n := j.counts(metric, s, c.ageMs)
		c.add(observed{tally: tally{s, k, n}, at: j.ready(s, c.ageMs), spoilt: j.spoilt(metric, s, c.ageMs)})
	})
	return c
}

// adoption is the share of each day's active users who used the feature.
func (j *judge) adoption(metric int) *compared {
	c := j.newCompared(metric, "adoption")
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

func (j *judge) newCompared(metric int, key string) *compared {
	m := &j.catalog.Metrics[metric]
	c := &compared{metric: metric, key: key, rise: m.Direction == "down", reason: Dropped, asOf: j.evidence.AsOf}
	if c.rise {
		c.reason = Rose
	}
	if m.Kind == catalog.TTFV { // fewer users who got there by an age is a longer time
		c.rise, c.reason = m.Direction == "up", Slower
		if c.rise {
			c.reason = Faster
		}
	}
	return c
}

// weekday of a local day, 0 is Thursday: only sameness matters.
func weekday(d calendar.Day) int { return int((d%7 + 7) % 7) }
