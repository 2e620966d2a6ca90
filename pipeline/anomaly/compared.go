package anomaly

import (
	"math"

	"firstlight/pipeline/stats"
)

// A series of daily shares compared with its own history: the beta-binomial prediction from the days before, adjusted for
// the day of week, against the same with odds that are worse by some factor. The likelihood ratio of a day is an e-value;
// an e-detector (Shin, Ramdas and Rinaldo 2023) adds up the evidence of days, so a large change is seen in a day, a small
// or creeping one over weeks, and looking every day costs no false alarms.

const (
	historyDays    = 56
	leastDays      = 14  // of history before anything is judged
	leastUsers     = 200 // in that history
	leastSuccesses = 20
	longestEpisode = 28 // days after which what was unusual is normal
	recoveryOdds   = 20 // evidence, to one, that a series is back
)

// worse are the factors on the odds that are looked for; for a rise their inverses. Smaller changes than these are found by
// them too, later; looked for by a factor nearer to 1, what days drift by themselves becomes an alarm.
var worse = []float64{0.5, 0.8}

// observed is one day of a series.
type observed struct {
	tally
	at     int64  // when it could be judged
	spoilt string // why it cannot be; empty when it can
}

// compared is one series.
type compared struct {
	metric int
	key    string
	rise   bool // a rise is what is bad
	reason Reason
	ageMs  int64
	same   bool // the users of one day are mostly those of the day before
	family *family
	asOf   int64
	days   []observed

	detector *stats.Mixture
	log      float64 // of the detector's statistic
	steps    []int   // day of each step of the detector
	run      []int   // days since the estimated change, while an alarm lasts
	first    int     // no day before it is history: what it was like then is over
	returned stats.CUSUM
	ratio    float64 // odds during the alarm / odds before
	said     float64 // users lost when that was last said
}

func (c *compared) add(o observed) {
	if o.at <= c.asOf {
		c.days = append(c.days, o)
	}
}

func (c *compared) restart() {
	c.detector, c.steps, c.run, c.log = stats.NewMixture(len(worse)), nil, nil, math.Inf(-1)
}

// next judges day i.
func (c *compared) next(i int) judgement {
	o := &c.days[i]
	j := judgement{at: o.at, span: o.span, verdict: noData, finding: c.finding(o.k, o.n)}
	if o.spoilt != "" {
		j.finding.flags = append(j.finding.flags, o.spoilt)
		return j
	}
	if o.n == 0 {
		return j
	}
	base, known := c.baseline(i)
	if !known {
		j.verdict = uncertain
		return j
	}
	count := stats.Count{K: int(o.k), N: int(o.n)}
	if c.run == nil {
		c.watch(i, base, count, &j)
	} else {
		c.follow(i, base, count, &j)
	}
	return j
}

func (c *compared) finding(k, n int64) finding {
	return finding{
		reason: c.reason, ageMs: c.ageMs, k: k, n: n, unit: Share, value: float64(k) / float64(n), limit: math.NaN(), lost: math.NaN(),
		p: math.NaN(), e: math.NaN(), expected: nothing(), method: "beta-binomial prediction from the days before, e-detector over days",
	}
}

// odds are the alternatives in the direction that is bad.
func (c *compared) odds() []float64 {
	all := make([]float64, len(worse))
	for i, w := range worse {
		if all[i] = w; c.rise {
			all[i] = 1 / w
		}
	}
	return all
}

// watch looks for a change.
func (c *compared) watch(i int, base prediction, count stats.Count, j *judgement) {
	c.steps = append(c.steps, i)
	c.log = c.detector.Step(base.logEs(count, c.odds()))
	j.verdict = clear
	evidence, leads := c.family.evidence(c)
	if evidence < c.family.threshold || !leads {
		return
	}
	_, since := c.detector.Leader()
	c.run, c.log = append([]int(nil), c.steps[since:]...), math.Inf(-1)
	c.report(base, j)
	j.finding.e = math.Exp(min(evidence, 700))
	j.verdict, c.returned = breach, stats.CUSUM{}
	c.ratio, c.said = c.oddsRatio(&j.finding), math.Abs(j.finding.lost)
}

// follow looks for the end of a change.
func (c *compared) follow(i int, base prediction, count stats.Count, j *judgement) {
	back := c.returned.Step(-base.logE(count, c.ratio))
	switch {
	case back >= math.Log(recoveryOdds):
		j.verdict = clear
		c.restart()
		return
	case i-c.run[0] > longestEpisode:
		c.run = append(c.run, i)
		c.report(base, j)
		j.verdict, c.first = expired, c.run[0]
		c.restart()
		return
	}
	c.run = append(c.run, i)
	c.report(base, j)
	lost := math.Abs(j.finding.lost)
	if j.verdict, j.minor = breach, lost < 2*c.said; !j.minor {
		c.said = lost
	}
}

// oddsRatio is how far the odds of the run are from what was expected, at least by the smallest change that is looked for.
func (c *compared) oddsRatio(f *finding) float64 {
	k, n, p := float64(f.k), float64(f.n), f.expected.value
	ratio := (k + 0.5) / (n - k + 0.5) / (p / (1 - p))
	if c.rise {
		return max(ratio, 1/worse[len(worse)-1])
	}
	return min(ratio, worse[len(worse)-1])
}

// report makes the judgement one about the whole run.
func (c *compared) report(base prediction, j *judgement) {
	k, n, expected := int64(0), int64(0), 0.0
	for _, i := range c.run {
		o := &c.days[i]
		k, n = k+o.k, n+o.n
		expected += float64(o.n) * c.mean(i)
	}
	first, last := c.days[c.run[0]].span, j.span
	j.span = span{window: "1d", start: first.start, end: last.end, first: first.first, last: last.last}
	j.finding = c.finding(k, n)
	mean, size := expected/float64(n), base.Alpha+base.Beta
	j.finding.predict(stats.BetaBinomial{Alpha: mean * size, Beta: (1 - mean) * size})
	lower, upper := (stats.BetaBinomial{Alpha: mean * size, Beta: (1 - mean) * size}).Tail(int(k), int(n))
	j.finding.p = min(lower, upper)
	history := c.history(c.run[0])
	if len(history) > 0 {
		from, to := c.days[history[0]].span, c.days[history[len(history)-1]].span
		j.finding.baseline = span{window: "1d", start: from.start, end: to.end, first: from.first, last: to.last}
		j.finding.baselineDays = len(history)
	}
}

// mean is the rate that was expected of a day of the run, from the history before the run.
func (c *compared) mean(i int) float64 {
	base, _ := c.baseline(i)
	return base.Mean()
}

// history lists the days before a day that say what is normal: those of the present run do not.
func (c *compared) history(i int) []int {
	if c.run != nil {
		i = min(i, c.run[0])
	}
	var all []int
	for k := max(c.first, i-historyDays); k < i; k++ {
		if o := &c.days[k]; o.spoilt == "" && o.n > 0 {
			all = append(all, k)
		}
	}
	return all
}

// baseline predicts day i from its history.
func (c *compared) baseline(i int) (prediction, bool) {
	history := c.history(i)
	counts := make([]stats.Count, len(history))
	k, n := 0, 0
	for h, d := range history {
		counts[h] = stats.Count{K: int(c.days[d].k), N: int(c.days[d].n)}
		k, n = k+counts[h].K, n+counts[h].N
	}
	if len(history) < leastDays || n < leastUsers || k < leastSuccesses {
		return prediction{}, false
	}
	effects := c.weekdays(history, float64(k)/float64(n))
	today := effects[weekday(c.days[i].span.first)]
	for h, d := range history {
		counts[h] = adjusted(counts[h], today-effects[weekday(c.days[d].span.first)])
	}
	base, ok := stats.FitBaseline(counts)
	p := prediction{base, 1}
	if ok && c.same {
		p.counts = independent(base, counts)
	}
	return p, ok
}

// weekdays are the differences in log odds between the days of the week and all days, shrunk to what the history shows beyond
// chance (empirical Bayes: Morris 1983).
func (c *compared) weekdays(history []int, mean float64) (effects [7]float64) {
	var k, n [7]float64
	for _, d := range history {
		w := weekday(c.days[d].span.first)
		k[w] += float64(c.days[d].k)
		n[w] += float64(c.days[d].n)
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

// adjusted is a day's count as it would have been with its log odds moved.
func adjusted(d stats.Count, by float64) stats.Count {
	if by == 0 || d.K == 0 || d.K == d.N {
		return d
	}
	odds := float64(d.K) / float64(d.N-d.K) * math.Exp(by)
	return stats.Count{K: int(math.Round(float64(d.N) * odds / (1 + odds))), N: d.N}
}
