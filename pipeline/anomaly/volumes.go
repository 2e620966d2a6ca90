package anomaly

import (
	"math"

	"firstlight/pipeline/calendar"
)

// The number of events of each source, day by day, against the same days of the weeks before: medians, so that neither a
// holiday nor an outage of the past moves what is usual. Two unusual days in a row are needed, because a single one is mostly a
// holiday; what stops altogether is silence, which is judged within hours.

const (
	volumeWeeks   = 8
	volumeDays    = 14   // of history at least
	volumeLeast   = 50   // events that are expected of a day at least
	volumeEffect  = 0.25 // of what is expected: smaller changes are no news
	volumeLimit   = 4.0  // robust standard deviations
	volumeBack    = 3.0  // within which a day is usual again
	volumeSteady  = 0.03 // of itself: no volume is steadier from day to day
	volumeTrend   = 7    // days whose median says how the level has moved
	volumeExpires = 14   // days after which what was unusual is usual
)

// volumes watches every source.
func (j *judge) volumes() []*watch {
	if j.catalog.FalseAlarms == 0 {
		return nil
	}
	var all []*watch
	for i := range j.evidence.Sources {
		if src := &j.evidence.Sources[i]; j.retirement(src.Name) != math.MinInt64 {
			all = append(all, j.volume(src))
		}
	}
	return all
}

// volume judges every complete day of a source.
func (j *judge) volume(src *Source) *watch {
	w := &watch{subject: subject{metric: -1, source: src.Name}, key: "volume", severity: Warning, consecutive: 2}
	d := daily{judge: j, source: src.Name, logs: map[calendar.Day]float64{}, odd: map[calendar.Day]float64{}}
	totals := map[calendar.Day]int64{}
	first := calendar.Day(math.MaxInt32)
	for at, n := range src.Hours {
		day := j.cal.DayOf(at)
		totals[day] += n
		first = min(first, day)
	}
	for day := first + 1; j.cal.Start(day+1) <= j.evidence.AsOf; day++ { // the first day is not whole
		s := days(j.cal, "1d", day, day)
		if at := j.ready(s, 0); at <= j.evidence.AsOf {
			w.judgements = append(w.judgements, d.next(at, s, totals[day]))
		}
	}
	return w
}

// daily is the history of one source.
type daily struct {
	*judge
	source string
	logs   map[calendar.Day]float64 // of the events of usual days
	odd    map[calendar.Day]float64 // of those of unusual ones
	away   int                      // unusual days in a row
}

// next judges a day.
func (d *daily) next(at int64, s span, n int64) judgement {
	j := judgement{at: at, span: s, verdict: uncertain, finding: finding{
		reason: Dropped, k: n, unit: Events, value: float64(n), limit: math.NaN(), lost: math.NaN(), e: math.NaN(), p: math.NaN(),
		expected: nothing(), method: "robust distance from the same days of the weeks before, two days in a row",
	}}
	if j.finding.excuse = d.excused(VolumeMetric, s); j.finding.excuse != nil || d.wasSilent(s, at) || s.end > d.retirement(d.source) {
		j.verdict = noData
		return j
	}
	expected, spread, history := d.expect(s.first)
	if history < volumeDays || math.Exp(expected) < volumeLeast {
		d.logs[s.first] = math.Log(float64(n) + 1)
		return j
	}
	spread = math.Hypot(spread, math.Sqrt(math.Exp(-expected)))
	off := math.Log(float64(n)+1) - expected
	j.finding.baselineDays = history
	j.finding.expected = estimate{math.Exp(expected), math.Exp(expected - z95*spread), math.Exp(expected + z95*spread)}
	if off > 0 {
		j.finding.reason = Rose
	}
	j.verdict = d.verdict(off, spread)
	log := math.Log(float64(n) + 1)
	if j.verdict == breach && d.weekly(s.first, log, expected, spread) {
		j.verdict = uncertain
	}
	if j.verdict == breach {
		d.odd[s.first] = log
	} else {
		d.logs[s.first] = log
	}
	return j
}

// weekly reports whether a day is unusual just as the same day of the weeks before was: that is a week's new shape and no
// incident of its own. More events are a shape on the second such day, fewer on the third. The days before are history from
// here on.
func (d *daily) weekly(day calendar.Day, log, expected, spread float64) bool {
	alike := func(k calendar.Day) bool {
		before, known := d.odd[k]
		if !known {
			before, known = d.logs[k]
		}
		return known && (before-expected)*(log-expected) > 0 && math.Abs(log-before) <= volumeLimit*spread
	}
	if d.away > 2 || !alike(day-7) || log < expected && !alike(day-14) {
		return false
	}
	d.away = 0
	for k := day - 14; k < day; k++ {
		if was, ok := d.odd[k]; ok {
			d.logs[k] = was
		}
	}
	return true
}

// verdict compares how far off a day is with how far days are.
func (d *daily) verdict(off, spread float64) verdict {
	switch {
	case math.Abs(off) >= volumeLimit*spread && math.Abs(math.Expm1(off)) >= volumeEffect:
		if d.away++; d.away > volumeExpires {
			d.logs, d.away = map[calendar.Day]float64{}, 0
			return expired
		}
		return breach
	case math.Abs(off) > volumeBack*spread:
		return uncertain
	}
	d.away = 0
	return clear
}

const z95 = 1.959963984540054

// expect is the logarithm of the events to expect of a day, its robust standard deviation, and the days behind both.
func (d *daily) expect(day calendar.Day) (expected, spread float64, history int) {
	var residuals, recent []float64
	for k := day - 1; k >= day-7*volumeWeeks; k-- {
		log, ok := d.logs[k]
		if !ok {
			continue
		}
		history++
		usual, known := d.sameDays(k)
		if !known {
			continue
		}
		residuals = append(residuals, log-usual)
		if len(recent) < volumeTrend {
			recent = append(recent, log-usual)
		}
	}
	usual, known := d.sameDays(day)
	if !known || len(recent) == 0 {
		return 0, 0, 0
	}
	moved := median(recent)
	for i := range residuals {
		residuals[i] = math.Abs(residuals[i] - moved)
	}
	return usual + moved, max(volumeSteady, toDeviation*median(residuals)), history
}

// toDeviation makes a standard deviation of a median absolute deviation (Hampel 1974).
const toDeviation = 1.4826

// sameDays is the median of the same day of the week in the weeks before.
func (d *daily) sameDays(day calendar.Day) (float64, bool) {
	var same []float64
	for w := calendar.Day(1); w <= volumeWeeks; w++ {
		if log, ok := d.logs[day-7*w]; ok {
			same = append(same, log)
		}
	}
	if len(same) == 0 {
		return 0, false
	}
	return median(same), true
}

// wasSilent reports whether the source was known to be silent at some time of a window, or had been retired.
func (d *daily) wasSilent(s span, at int64) bool { return d.quietAt(d.source, &s, at) }
