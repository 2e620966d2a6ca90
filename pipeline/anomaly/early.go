package anomaly

import (
	"math"
	"slices"

	"firstlight/pipeline/stats"
)

// The days whose users are not old enough yet: as far as they got, they say something of the rate at the full age already. How much
// of it is usually seen by an age, the days before tell.

// early is what is known of a metric's users at the ages of whole days before the full one.
type early struct {
	*judge
	metric int
	days   []youth // by day of the evidence
}

// youth are the users of one day.
type youth struct {
	span
	n int64
	k []int64 // who had got there by an age of one day, two days and so on
}

const (
	youngDay  = 86_400_000 // ms
	mostAhead = 31         // days that are looked at, so that a year of history is judged in a second
)

// early is nil where there is no whole day before the full age.
func (j *judge) early(metric int, ageMs int64) *early {
	if ageMs <= youngDay {
		return nil
	}
	e := &early{judge: j, metric: metric}
	j.eachDay(func(s span) {
		f := j.followed(metric, s)
		y := youth{span: s, n: f.Entered}
		for age := int64(youngDay); age < ageMs; age += youngDay {
			y.k = append(y.k, f.reachedBy(age))
		}
		e.days = append(e.days, y)
	})
	return e
}

// age is the greatest age, in days, at which a day's users were known at a time; 0 for none.
func (e *early) age(d int, at int64) int {
	for age := len(e.days[d].k); age > 0; age-- {
		if e.ready(e.days[d].span, int64(age)*youngDay) <= at {
			return age
		}
	}
	return 0
}

// ahead looks at the days after day i, as far as they were known when it could be judged, and returns the evidence with them and the
// day since which there was a change.
func (c *dailySeries) ahead(i int, base prediction) (evidence float64, since int) {
	at := c.days[i].at
	history := c.historyBefore(i + 1)
	steps := slices.Clone(c.steps)
	var days []stats.Early
	for d := i + 1; d < min(i+1+mostAhead, len(c.early.days)); d++ {
		age := c.early.age(d, at)
		if age == 0 {
			break
		}
		y := &c.early.days[d]
		moved, known := c.seenBy(age, history)
		doubt := c.early.spoilt(c.early.metric, y.span, int64(age)*youngDay)
		if !known || y.n == 0 || doubt.any() {
			days = append(days, stats.Early{})
			continue
		}
		days = append(days, stats.Early{Offset: base.week[weekday(y.first)] + moved, Count: stats.Count{K: int(y.k[age-1]), N: int(y.n)}})
		steps = append(steps, d)
	}
	evidence, began := c.detector.Ahead(days)
	return evidence, steps[began]
}

// seenBy is how the log odds at an age in days differ from those at the full age, in the days of a history.
func (c *dailySeries) seenBy(age int, history []int) (moved float64, known bool) {
	var young, full, n float64
	for _, d := range history {
		young += float64(c.early.days[d].k[age-1])
		full, n = full+float64(c.days[d].k), n+float64(c.days[d].n)
	}
	if young < leastSuccesses || n-full < leastSuccesses {
		return 0, false
	}
	return math.Log(young/(n-young)) - math.Log(full/(n-full)), true
}
