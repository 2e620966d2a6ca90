package anomaly

import (
	"math"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/calendar"
)

// How many users enter each cohort: nobody any more, suddenly fewer, or fewer from week to week. Rates cannot tell, because who does
// not enter is in none. More users are no news.

const (
	entriesWeeks   = 8    // of history
	entriesDays    = 28   // of history at least
	entriesLeast   = 20   // users who are expected of the days at least
	entriesLimit   = 5.5  // standard deviations
	entriesBack    = 2.0  // standard deviations within which it is usual again
	entriesNear    = 0.12 // of what is expected: nearer is usual again
	entriesSteady  = 0.05 // of themselves: no entries are steadier
	entriesExpires = 28   // days after which fewer are what is usual, but not nobody
)

// stretches are the days that are compared as one, and the effect (share of what is expected) that is news: the short ones with the level of the weeks before them, so that growth and its
// end are no news; the long one with the weeks themselves, because a slow decline has no other sign.
var stretches = []struct {
	days   int
	level  bool
	effect float64
}{{2, true, 0.45}, {7, true, 0.3}, {14, false, 0.3}}

// entries watches how many users enter each cohort.
func (j *judge) entries() []*watch {
	if j.catalog.FalseAlarms == 0 {
		return nil
	}
	var all []*watch
	for i := range j.evidence.Cohorts {
		hours := j.evidence.Cohorts[i].Hours
		of := subject{metric: -1, cohort: j.catalog.Cohorts[i].Name}
		a := &absence{about: of, severity: Warning, alpha: j.alpha, from: ongoing}
		a.excused = func(s span, at int64) *annotation.Annotation { return j.entriesExcused(i, s, at) }
		nobody, _ := j.absent(a, newHourly(j.cal, hours, j.evidence.AsOf))
		all = append(all, nobody, j.fewer(i, of, hours))
	}
	return all
}

// silentSource stands for the silence of a source that brings users into a cohort.
var silentSource = &annotation.Annotation{Title: "its source is silent"}

// entriesExcused is why nobody need enter a cohort in a window: people said so, or a source that brings users is silent.
func (j *judge) entriesExcused(cohort int, s span, at int64) *annotation.Annotation {
	if a := j.excused(EntriesMetric, s); a != nil {
		return a
	}
	if lost, _ := j.lost([]int{j.catalog.Cohorts[cohort].Entry}, s.start, s.end, at); lost >= entryShare {
		return silentSource
	}
	return nil
}

// fewer judges the users of each complete day.
func (j *judge) fewer(cohort int, of subject, hours map[int64]int64) *watch {
	w := &watch{subject: of, key: "entries", severity: Warning, consecutive: 1}
	if len(hours) == 0 {
		return w
	}
	d := decline{began: -1, spreads: make([][]float64, len(stretches))}
	first := j.cal.DayOf(first(hours)) + 1 // the first day is not whole
	totals := map[calendar.Day]int64{}
	for at, n := range hours {
		totals[j.cal.DayOf(at)] += n
	}
	for day := first; j.cal.Start(day+1) <= j.evidence.AsOf; day++ {
		s := days(j.cal, "1d", day, day)
		at := j.ready(s, 0)
		if at > j.evidence.AsOf {
			break
		}
		why := j.entriesExcused(cohort, s, at)
		d.days = append(d.days, dayOfEntries{span: s, n: totals[day], spoilt: why != nil, excuse: why})
		judged := d.next(len(d.days) - 1)
		judged.at = at
		w.judgements = append(w.judgements, judged)
	}
	return w
}

// dayOfEntries is one day's users.
type dayOfEntries struct {
	span   span
	n      int64
	spoilt bool
	excuse *annotation.Annotation // why nobody need enter; nil for another reason
}

// decline is the history of a cohort's entries.
type decline struct {
	days    []dayOfEntries
	spreads [][]float64 // by stretch: how far off it was on days that were usual
	first   int         // no day before it is history
	began   int         // day since which there are fewer, -1 while there are not
	opened  int
	clears  int
}

// next judges day i.
func (d *decline) next(i int) judgement {
	today := &d.days[i]
	j := judgement{span: today.span, verdict: uncertain, finding: entriesFinding(today.n)}
	if today.spoilt {
		j.verdict, j.finding.excuse = excusedAway, today.excuse
		d.began = -1
		return j
	}
	if d.began >= 0 {
		d.seekEnd(i, &j)
		return j
	}
	for s := range stretches {
		if i-d.first < entriesDays+stretches[s].days {
			continue
		}
		from := i - stretches[s].days + 1
		off, expected, n := d.off(from, i, s)
		if math.IsNaN(off) {
			continue
		}
		spread := d.spread(s, expected)
		if expected >= entriesLeast && off <= -entriesLimit*spread && -math.Expm1(off) >= stretches[s].effect {
			d.began, d.opened, d.clears = from, i, 0
			d.say(&j, from, i, n, expected, spread)
			j.verdict = breach
			return j
		}
		d.spreads[s] = append(d.spreads[s], math.Abs(off))
		j.verdict = clear
	}
	return j
}

// seekEnd looks for the end: as many as usual on two days in a row, or fewer for so long that it is usual.
func (d *decline) seekEnd(i int, j *judgement) {
	off, expected, n := d.off(d.began, i, -1)
	today, usual, _ := d.off(max(d.began, i-1), i, -1)
	spread := d.spread(0, usual)
	d.say(j, d.began, i, n, expected, d.spread(0, expected))
	j.verdict, j.minor = breach, true
	if today >= -entriesBack*spread || today >= math.Log1p(-entriesNear) {
		if d.clears++; d.clears >= 2 {
			d.say(j, i-1, i, d.days[i].n+d.days[i-1].n, usual, spread)
			j.verdict = clear
			for k := d.began; k < i-1; k++ {
				d.days[k].spoilt = true // no history, and no evidence of another decline
			}
			d.began = -1
		}
		return
	}
	d.clears = 0
	if i-d.opened >= entriesExpires && off > math.Log(0.1) {
		j.verdict, d.first, d.began = expired, d.began, -1
		d.spreads = make([][]float64, len(stretches))
	}
}

// off is the logarithm of how many users entered on the days [from, until] for each who was expected, both counts, by stretch s;
// -1 while there are fewer.
func (d *decline) off(from, until, s int) (off, expected float64, n int64) {
	before := from
	if d.began >= 0 {
		before = d.began
	}
	level := 1.0
	if s < 0 || stretches[s].level {
		level = d.level(before)
	}
	for k := from; k <= until; k++ {
		if d.days[k].spoilt {
			continue
		}
		usual, ok := d.usual(k, before)
		if !ok {
			return math.NaN(), 0, 0
		}
		expected += usual * level
		n += d.days[k].n
	}
	return math.Log((float64(n) + 0.5) / (expected + 0.5)), expected, n
}

// usual is the median of the same day of the week in the weeks before a day.
func (d *decline) usual(k, before int) (float64, bool) {
	var same []float64
	for w := k - 7; w >= d.first && w > k-7*(entriesWeeks+4) && len(same) < entriesWeeks; w -= 7 {
		if w < before && !d.days[w].spoilt {
			same = append(same, float64(d.days[w].n))
		}
	}
	if len(same) < 3 {
		return 0, false
	}
	return median(same), true
}

// level is how busy the two weeks before a day were beside the same days of the weeks before those, at most 1.
func (d *decline) level(before int) float64 {
	var sent, expected float64
	for k := max(d.first, before-14); k < before; k++ {
		if usual, ok := d.usual(k, k); ok && !d.days[k].spoilt {
			sent, expected = sent+float64(d.days[k].n), expected+usual
		}
	}
	if sent == 0 || expected == 0 {
		return 1
	}
	return min(1, sent/expected) // what comes after a campaign is no decline
}

// spread is the standard deviation of a stretch's logarithm: what history shows, and chance.
func (d *decline) spread(s int, expected float64) float64 {
	seen := d.spreads[s]
	seen = seen[:max(0, len(seen)-3*stretches[s].days/2)] // what begins now does not say what is usual
	seen = seen[max(0, len(seen)-7*entriesWeeks):]
	spread := entriesSteady
	if len(seen) > 0 {
		spread = max(spread, toDeviation*median(append([]float64(nil), seen...)))
	}
	return math.Hypot(spread, math.Sqrt(1/max(1, expected)))
}

func entriesFinding(n int64) finding {
	return finding{
		reason: Dropped, k: n, unit: Users, value: float64(n), limit: math.NaN(), lost: math.NaN(), p: math.NaN(), e: math.NaN(), expected: nothing(),
		method: "robust distance of some days from the same days of the weeks before",
	}
}

// say makes a judgement one about the days [from, until].
func (d *decline) say(j *judgement, from, until int, n int64, expected, spread float64) {
	a, b := d.days[from].span, d.days[until].span
	j.span = span{window: "1d", start: a.start, end: b.end, first: a.first, last: b.last}
	j.finding = entriesFinding(n)
	j.finding.lost = expected - float64(n)
	j.finding.expected = estimate{expected, expected * math.Exp(-z95*spread), expected * math.Exp(z95*spread)}
	j.finding.baselineDays = min(from-d.first, 7*entriesWeeks)
	for k := from; k <= until; k++ {
		switch day := &d.days[k]; {
		case day.excuse == silentSource:
			j.finding.leaveOut(day.span, day.excuse.Title)
		case day.excuse != nil:
			j.finding.leaveOut(day.span, mutedBy(day.excuse))
		}
	}
}
