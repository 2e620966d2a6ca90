package anomaly

import (
	"math"
	"slices"

	"firstlight/pipeline/stats"
)

// A series of daily shares compared with its own history: what is usual of a level that wanders, adjusted for the day of week, against
// the same after a jump for the worse. The likelihood ratio of a day is an e-value; an e-detector (Shin, Ramdas and Rinaldo 2023) adds
// up the evidence of days, so a large change is seen in a day or two, a small or creeping one over weeks, and looking every day costs
// no false alarms.

const (
	longestEpisode = 28   // days after which what was unusual is normal
	recoveryOdds   = 60   // evidence, to one, that a series is back: looked at on each of the days of an episode
	likelySize     = 0.8  // of a change's logarithm, when it is noticed
	moreLost       = 1.99 // times as many users lost as when it was last said are news
	failure        = 0.1  // of what was expected: less never is what is normal
	failureDays    = 7    // over which
	nearly         = 5    // days by which the day on which a change began may be wrong
)

// worse are the factors on the odds that are looked for, for a rise their inverses, and how much of the attention each gets. Smaller
// changes than these are found by them too, later; looked for by a factor nearer to 1, what days drift by themselves becomes an alarm.
// A large change is seen at once whatever its share.
var worse = []struct{ odds, share float64 }{{0.1, 0.1}, {0.4, 0.2}, {smallest, 0.7}}

const smallest = 0.7

// observed is one day of a series.
type observed struct {
	tally
	at     int64 // when it could be judged
	spoilt doubts
}

// dailySeries is one series.
type dailySeries struct {
	metric int
	key    string
	rise   bool // a rise is what is bad
	reason Reason
	ageMs  int64
	period *int // since the start; nil: none
	family *family
	asOf   int64

	usual
	early    *early // nil: there is nothing to know before the full age
	detector *stats.Shift
	since    int     // day since which it tells of a change
	log      float64 // of the detector's statistic
	steps    []int   // day of each step of the detector
	run      []int   // days since the estimated change, while an alarm lasts
	opened   int     // day of the alarm
	returned stats.CUSUM
	ratio    float64 // odds during the alarm / odds before
	said     float64 // users lost when that was last said
}

func (c *dailySeries) add(o observed) {
	if o.at <= c.asOf {
		c.days = append(c.days, o)
	}
}

func (c *dailySeries) restart() {
	c.steps, c.run, c.log = nil, nil, math.Inf(-1)
	if c.level != nil {
		c.detector = stats.NewShift(c.level, c.jumps())
	}
}

// next judges day i.
func (c *dailySeries) next(i int) judgement {
	o := &c.days[i]
	j := judgement{at: o.at, span: o.span, verdict: noData, finding: c.finding(o.k, o.n)}
	if o.spoilt.any() {
		j.finding.flags, j.finding.excuse = append(j.finding.flags, o.spoilt.why), o.spoilt.excuse
	}
	if o.spoilt.any() || o.n == 0 {
		c.pass()
		return j
	}
	count := stats.Count{K: int(o.k), N: int(o.n)}
	if c.level == nil {
		c.begin(count)
		c.restart()
	}
	c.levels[i] = c.level.Clone()
	base, known := c.baseline(i)
	c.rate = base.Mean()
	switch {
	case c.run != nil:
		c.seekEnd(i, base, count, &j)
	case known:
		c.wonder(base, count)
		c.seekStart(i, base, count, &j)
	default:
		c.wonder(base, count)
		c.level.Learn(base.offset, count)
		j.verdict = uncertain
	}
	return j
}

// pass lets a day go by that says nothing.
func (c *dailySeries) pass() {
	if c.level != nil && c.run == nil {
		c.detector.Pass()
	}
}

func (c *dailySeries) finding(k, n int64) finding {
	return finding{
		reason: c.reason, ageMs: c.ageMs, period: c.period, k: k, n: n, unit: Share, value: float64(k) / float64(n), limit: math.NaN(), lost: math.NaN(),
		p: math.NaN(), e: math.NaN(), expected: nothing(), method: "dynamic binomial prediction from the days before, e-detector of jumps",
	}
}

// jumps are the changes of the log odds that are looked for, in the direction that is bad.
func (c *dailySeries) jumps() []stats.Size {
	all := make([]stats.Size, len(worse))
	for i, w := range worse {
		all[i] = stats.Size{LogOdds: math.Log(w.odds), Share: w.share}
		if c.rise {
			all[i].LogOdds = -all[i].LogOdds
		}
	}
	return all
}

// seekStart looks for a change.
func (c *dailySeries) seekStart(i int, base prediction, count stats.Count, j *judgement) {
	o := &c.days[i]
	c.steps = append(c.steps, i)
	c.log = c.detector.Step(base.offset, count, base.power)
	if c.since = c.steps[c.detector.Began()]; c.early != nil {
		c.log, c.since = c.ahead(i, base)
	}
	j.verdict = clear
	evidence, leads := c.family.evidence(c)
	if evidence < c.family.threshold || !leads {
		return
	}
	if s := c.family.speaker(c); s == c {
		*j = *c.alarm(o.at, evidence, c.since).judgement
	} else if s != nil {
		c.family.said = s.alarm(o.at, evidence, c.since)
	}
}

// alarm opens an episode with what is known of the series since a day.
func (c *dailySeries) alarm(at int64, evidence float64, since int) *spoken {
	i := c.steps[len(c.steps)-1]
	c.run, c.log, c.opened = slices.Clone(c.stepsFrom(since)), math.Inf(-1), i
	base, _ := c.baseline(i)
	j := &judgement{at: at, span: c.days[i].span, verdict: breach}
	c.report(base, j)
	j.finding.e = math.Exp(min(evidence, 700))
	c.returned = stats.CUSUM{}
	c.ratio, c.said = c.between(c.oddsRatio(&j.finding)), math.Abs(j.finding.lost)
	return &spoken{c, j}
}

// stepsFrom are the days from one on whose users are old enough.
func (c *dailySeries) stepsFrom(day int) []int {
	first, _ := slices.BinarySearch(c.steps, day)
	return c.steps[first:]
}

// missing is how many users fewer there were than expected since a day; 0 while a series has no history.
func (c *dailySeries) missing(since int) (users float64) {
	run := c.stepsFrom(since)
	for _, i := range run {
		if base, known := c.predict(run[0], i); known {
			users += base.Mean()*float64(c.days[i].n) - float64(c.days[i].k)
		}
	}
	return math.Abs(users)
}

// seekEnd looks for the end of a change.
func (c *dailySeries) seekEnd(i int, base prediction, count stats.Count, j *judgement) {
	back := c.returned.Step(-base.power * base.LogE(count, c.ratio))
	switch {
	case back >= math.Log(recoveryOdds):
		j.verdict = clear
		c.usually(&j.finding, base)
		c.resume(c.run[0], i)
		c.restart()
		return
	case i-c.opened >= longestEpisode && !c.fails():
		c.run = append(c.run, i)
		c.report(base, j)
		j.verdict = expired
		c.relearn(c.run)
		c.restart()
		return
	}
	c.run = append(c.run, i)
	c.report(base, j)
	lost := math.Abs(j.finding.lost)
	if j.verdict, j.minor = breach, lost < moreLost*c.said; !j.minor {
		c.said = lost
	}
}

// fails reports whether what has come of late is next to nothing: that is no state to get used to.
func (c *dailySeries) fails() bool {
	if c.rise {
		return false
	}
	got, expected := 0.0, 0.0
	for _, i := range c.run[max(0, len(c.run)-failureDays):] {
		got += float64(c.days[i].k)
		expected += float64(c.days[i].n) * c.mean(i)
	}
	return got <= failure*expected
}

// between is what a recovery is held against: less than what was found, because what is noticed is what chance has made larger, and
// a fault that goes on at its true size must not look like its end.
func (c *dailySeries) between(ratio float64) float64 {
	if ratio = math.Pow(ratio, likelySize); c.rise {
		return max(ratio, 1/smallest)
	}
	return min(ratio, smallest)
}

// oddsRatio is how far the odds of the run are from what was expected, at least by the smallest change that is looked for.
func (c *dailySeries) oddsRatio(f *finding) float64 {
	k, n, p := float64(f.k), float64(f.n), f.expected.value
	ratio := (k + 0.5) / (n - k + 0.5) / (p / (1 - p))
	if c.rise {
		return max(ratio, 1/smallest)
	}
	return min(ratio, smallest)
}

// report makes the judgement one about the whole run.
func (c *dailySeries) report(base prediction, j *judgement) {
	k, n, expected := int64(0), int64(0), 0.0
	for _, i := range c.run {
		o := &c.days[i]
		k, n = k+o.k, n+o.n
		expected += float64(o.n) * c.mean(i)
	}
	first, last := c.days[c.run[0]].span, j.span
	j.span = span{window: "1d", start: first.start, end: last.end, first: first.first, last: last.last}
	j.finding = c.finding(k, n)
	for i := c.run[0]; i < c.run[len(c.run)-1]; i++ {
		if o := &c.days[i]; o.spoilt.any() {
			j.finding.leaveOut(o.span, o.spoilt.why)
		}
	}
	c.expect(&j.finding, base, expected/float64(n))
	for _, i := range []int{c.run[0] - nearly, c.run[0] + nearly} {
		if i >= 0 && i <= c.run[len(c.run)-1] {
			j.finding.starts = append(j.finding.starts, c.days[i].span.start)
		}
	}
	history := c.historyBefore(c.run[0])
	if len(history) > 0 {
		from, to := c.days[history[0]].span, c.days[history[len(history)-1]].span
		j.finding.baseline = span{window: "1d", start: from.start, end: to.end, first: from.first, last: to.last}
		j.finding.baselineDays = len(history)
	}
}

// expect fills in what was expected of all days of the run: days wander each for itself, what is not known of the mean is not known
// of all of them. The range is the one that the evidence excludes, however many days that took.
func (c *dailySeries) expect(f *finding, base prediction, mean float64) {
	wander, unknown := base.wander, base.unknown
	apart := 0.0
	for _, i := range c.run {
		n := float64(c.days[i].n)
		apart += n * (n - 1)
	}
	n := float64(f.n)
	together := wander * min(1, apart/max(1, n*(n-1))/base.power)
	like := betaOf(mean, together+unknown)
	f.predict(like)
	lower, upper := like.Tail(int(f.k), int(f.n))
	f.p = min(lower, upper)
	if e := &f.expected; e.low <= f.value && f.value <= e.high {
		within := z95 * math.Sqrt(unknown*mean*(1-mean))
		e.low, e.high = mean-within, mean+within
		if e.low <= f.value && f.value <= e.high {
			e.low, e.high = math.NaN(), math.NaN()
		}
	}
}

// usually fills in what is usual for one day, by the history before the run.
func (c *dailySeries) usually(f *finding, base prediction) {
	f.predict(betaOf(base.Mean(), base.wander+base.unknown))
	f.lost = math.NaN() // nobody is
}

// betaOf is the distribution of a rate whose users are correlated so much.
func betaOf(mean, rho float64) stats.BetaBinomial {
	size := 1/max(1e-9, min(0.5, rho)) - 1
	return stats.BetaBinomial{Alpha: mean * size, Beta: (1 - mean) * size}
}

// baseline predicts day i from the days before it; those of the present run do not say what is usual.
func (c *dailySeries) baseline(i int) (p prediction, known bool) {
	if c.run != nil {
		return c.predict(c.run[0], i)
	}
	return c.predict(i, i)
}

// mean is the rate that was expected of a day of the run, from the history before the run.
func (c *dailySeries) mean(i int) float64 {
	base, _ := c.baseline(i)
	return base.Mean()
}
