package anomaly

import (
	"math"

	"firstlight/pipeline/stats"
)

// What is usual of a series of daily shares: a level that wanders, the days of the week around it, and how much the days resemble one
// another where the same people are counted every day.

// usual is a series' days with what was known before each.
type usual struct {
	days      []observed
	same      bool // the users of one day are mostly those of the day before
	first     int  // no day before it is history: what it was like then is over
	level     *stats.Level
	levels    map[int]*stats.Level // the level before a day
	surprises []float64            // of the last days, in standard deviations
	rate      float64              // that was expected of the newest day
}

// prediction is what the days before let expect of a day.
type prediction struct {
	stats.BetaBinomial
	week    [7]float64 // log odds of the days of the week
	offset  float64    // the one of the day
	wander  float64    // correlation of two users of one day because days differ
	unknown float64    // the same because the level is not known well
	power   float64    // how much of the day's evidence counts: 1 where days are independent
}

const (
	historyDays    = 56
	leastDays      = 14  // of history before anything is judged
	leastUsers     = 200 // in that history
	leastSuccesses = 20

	memory      = 7    // days after which a day is forgotten
	extreme     = 3.0  // standard deviations beyond which a day says no more of how days resemble one another
	carried     = 1.5  // what it does to the variance of sums that half of a deviation is carried over to the next day
	carriedDays = 14.0 // of history that this expectation counts as
)

// begin starts the level with the first day.
func (u *usual) begin(c stats.Count) {
	u.level = u.newLevel((float64(c.K) + 0.5) / (float64(c.N) + 1))
	u.levels = map[int]*stats.Level{}
}

// newLevel starts at a rate.
func (u *usual) newLevel(rate float64) *stats.Level {
	if u.same {
		return stats.NewHabitualLevel(rate)
	}
	return stats.NewLevel(rate)
}

// resume goes on at day i with the level from before another day, as if nothing had been learnt since.
func (u *usual) resume(before, i int) {
	u.level = u.levels[before].Clone()
	for range i - before {
		u.level.Pass()
	}
}

// relearn takes the days of a run for what is usual, and forgets what was before.
func (u *usual) relearn(run []int) {
	u.first = run[0]
	o := &u.days[run[0]]
	u.level = u.newLevel((float64(o.k) + 0.5) / (float64(o.n) + 1))
	for _, i := range run {
		u.level.Learn(0, stats.Count{K: int(u.days[i].k), N: int(u.days[i].n)})
	}
}

// historyBefore lists the days before a day that can be history.
func (u *usual) historyBefore(i int) []int {
	var all []int
	for k := max(u.first, i-historyDays); k < i; k++ {
		if o := &u.days[k]; !o.spoilt.any() && o.n > 0 {
			all = append(all, k)
		}
	}
	return all
}

// predict predicts day i from what was known before the day first; known is false when that is too little to judge by.
func (u *usual) predict(first, i int) (p prediction, known bool) {
	history := u.historyBefore(first)
	k, n := 0, 0
	for _, d := range history {
		k, n = k+int(u.days[d].k), n+int(u.days[d].n)
	}
	if n > 0 {
		p.week = u.weekdays(history, float64(k)/float64(n))
		p.offset = p.week[weekday(u.days[i].span.first)]
	}
	level := u.levels[first]
	p.BetaBinomial = level.Predict(p.offset, i-first+1)
	unknown, wander := level.Variances(i - first + 1)
	spread := p.Mean() * (1 - p.Mean())
	p.unknown, p.wander, p.power = unknown*spread, wander*spread, 1
	if u.same {
		p.power = independent(u.surprises)
	}
	return p, len(history) >= leastDays && n >= leastUsers && k >= leastSuccesses
}

// weekdays are the differences in log odds between the days of the week and all days, shrunk to what the history shows beyond
// chance (empirical Bayes: Morris 1983).
func (u *usual) weekdays(history []int, mean float64) (effects [7]float64) {
	var k, n [7]float64
	for _, d := range history {
		w := weekday(u.days[d].span.first)
		k[w] += float64(u.days[d].k)
		n[w] += float64(u.days[d].n)
	}
	spread := mean * (1 - mean)
	if spread <= 0 {
		return effects
	}
	var between, seen float64
	for w := range effects {
		if n[w] == 0 {
			continue
		}
		effects[w] = math.Log((k[w]+0.5)/(n[w]-k[w]+0.5)) - math.Log(mean/(1-mean))
		between += effects[w]*effects[w] - 1/(n[w]*spread)
		seen++
	}
	between = max(0, between/max(1, seen))
	for w := range effects {
		if n[w] > 0 {
			effects[w] *= between / (between + 1/(n[w]*spread))
		}
	}
	return effects
}

// wonder remembers how far a count was from what was expected.
func (u *usual) wonder(p prediction, c stats.Count) {
	off := (float64(c.K) - float64(c.N)*p.Mean()) / p.Deviation(c.N)
	if u.surprises = append(u.surprises, max(-extreme, min(extreme, off))); len(u.surprises) > historyDays {
		u.surprises = u.surprises[1:]
	}
}

// independent is the variance of days over that of sums of many days, per day, at most 1: by the autocorrelation of the surprises up
// to a week, weighted as Newey and West (1987) do, and pulled to what is usual where there are few. Where the same people are counted
// every day, a low day is followed by low days without anything having happened: seven of them are not seven pieces of evidence.
func independent(off []float64) float64 {
	squares := 0.0
	for _, z := range off {
		squares += z * z
	}
	if squares == 0 {
		return 1
	}
	sum := 1.0
	for lag := 1; lag <= memory; lag++ {
		products := 0.0
		for i := lag; i < len(off); i++ {
			products += off[i] * off[i-lag]
		}
		sum += 2 * (1 - float64(lag)/(memory+1)) * products / squares
	}
	n := float64(len(off))
	return (n + carriedDays) / (n*max(1, sum) + carriedDays*carried)
}
