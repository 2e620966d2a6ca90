package anomaly

import (
	"math"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/calendar"
)

// A part of a source's events that is lost within a day: hours that fall behind the same hours of the weeks before all at once.
// So does a holiday, but that is one from its morning on, and for every source. What is plain is said the same day; the rest
// shows in the days.

const (
	partialKey    = "partial"
	partialWeeks  = 3    // of history at least
	partialRatio  = 0.65 // of what is expected: less is a loss
	partialLeast  = 40   // events that are expected of the hours at least
	partialLimit  = 7.0  // standard deviations
	partialBack   = 0.85 // of what is expected is enough again
	partialBefore = 0.25 // of a day's events that must have come as usual before
	partialDays   = 28   // whose same hours say how much such hours vary
	partialWorst  = 1.8  // as far off as on any of these days but one, by this factor
	steadyHours   = 0.05 // of themselves: no hours are steadier
)

// partialHours are the stretches that are compared.
var partialHours = []int{4, 8, 12}

// partial watches the hours of every source.
func (j *judge) partial() []*watch {
	if j.catalog.FalseAlarms == 0 {
		return nil
	}
	all := make([]*losing, 0, len(j.evidence.Sources))
	for i := range j.evidence.Sources {
		src := &j.evidence.Sources[i]
		all = append(all, j.losing(src))
	}
	var watches []*watch
	for i, l := range all {
		if l.hourly != nil && j.retirement(l.source) != math.MinInt64 {
			watches = append(watches, j.lossOf(l, append(append([]*losing(nil), all[:i]...), all[i+1:]...)))
		}
	}
	return watches
}

// losing is a source beside what was usual of each of its hours.
type losing struct {
	*hourly
	source string
	weeks  []int     // behind means
	means  []float64 // sums of the usual counts before each hour
}

func (j *judge) losing(src *Source) *losing {
	l := &losing{hourly: newHourly(j.cal, src.Hours, j.evidence.AsOf), source: src.Name}
	if l.hourly == nil {
		return l
	}
	l.means = make([]float64, len(l.counts)+1)
	for i := range l.counts {
		mean, weeks := l.usual(i, i)
		l.means[i+1] = l.means[i] + mean
		l.weeks = append(l.weeks, weeks)
	}
	return l
}

// ratio is what came of what was usual in the hours [from, until), at the level of the week before level.
func (l *losing) ratio(from, until, level int) (ratio, expected float64) {
	week := max(0, level-weekHours)
	usual := l.means[level] - l.means[week]
	expected = l.means[until] - l.means[from]
	if usual > 0 {
		expected *= max(0.5, min(2, float64(l.sum(week, level))/usual))
	}
	if expected <= 0 {
		return 1, 0
	}
	return float64(l.sum(from, until)) / expected, expected
}

// lossOf judges every complete hour of a source. others are the other sources.
func (j *judge) lossOf(l *losing, others []*losing) *watch {
	w := &watch{subject: subject{metric: -1, source: l.source}, key: partialKey, severity: Warning, consecutive: 1}
	settle := int64(j.catalog.Settle.Seconds())
	began := -1 // hour since which events are lost, while they are
	judged := 0 // hour from which on none is excused
	for i := range l.counts {
		start := l.start + int64(i)*calendar.HourSeconds
		at := start + calendar.HourSeconds + settle
		if at > j.evidence.AsOf {
			break
		}
		s := span{window: "1h", start: start, end: start + calendar.HourSeconds, first: j.cal.DayOf(start), last: j.cal.DayOf(start)}
		v, excuse := j.lossExcused(l.source, s, at)
		switch {
		case v != uncertain:
			if judged = i + 1; began >= 0 {
				f := l.loss(began, i+1, began)
				f.excuse = excuse
				w.judgements = append(w.judgements, judgement{at: at, span: s, verdict: v, finding: f})
			}
			began = -1
		case began < 0:
			if began = j.loses(l, others, judged, i); began >= 0 {
				s.start = l.start + int64(began)*calendar.HourSeconds
				s.first = j.cal.DayOf(s.start)
				w.judgements = append(w.judgements, judgement{at: at, span: s, verdict: breach, finding: l.loss(began, i+1, began)})
			}
		default:
			from, back := l.back(began, i)
			switch {
			case back:
				v = clear
			case i-began >= 2*weekHours:
				v = expired
			}
			if v != uncertain {
				s.start = l.start + int64(from)*calendar.HourSeconds
				w.judgements = append(w.judgements, judgement{at: at, span: s, verdict: v, finding: l.loss(from, i+1, began)})
				began = -1
			}
		}
	}
	return w
}

// lossExcused is why an hour of a source is not judged, as far as it is known at a time; uncertain where it is.
func (j *judge) lossExcused(source string, s span, at int64) (verdict, *annotation.Annotation) {
	if a := j.excused(VolumeMetric, s); a != nil {
		return excusedAway, a
	}
	if j.quietAt(source, &s, at) {
		return excusedAway, silentSource
	}
	if s.start >= j.retirement(source) {
		return retired, nil
	}
	return uncertain, nil
}

// back reports whether as much comes again by the end of hour i as before hour began, and since when that was looked at: the shortest
// stretch of which enough is expected decides.
func (l *losing) back(began, i int) (from int, back bool) {
	for _, n := range partialHours {
		from = max(began+1, i-n+1)
		if ratio, expected := l.ratio(from, i+1, began); expected >= partialLeast {
			return from, ratio >= partialBack
		}
	}
	return from, false
}

// quietAt reports whether a source was known to be silent in an hour.
func (j *judge) quietAt(source string, s *span, at int64) bool {
	for i := range j.silences {
		if q := &j.silences[i]; q.source == source && q.known <= at && q.from < s.end && q.back > s.start {
			return true
		}
	}
	return false
}

// loses returns the hour since which events are lost plainly by the end of hour i, none before hour first; -1 for none.
func (j *judge) loses(l *losing, others []*losing, first, i int) int {
	if l.weeks[i] < partialWeeks {
		return -1
	}
	for _, n := range partialHours {
		from := i - n + 1
		if from < max(first, weekHours*partialWeeks) {
			return -1
		}
		ratio, expected := l.ratio(from, i+1, from)
		if expected < partialLeast || ratio > partialRatio {
			continue
		}
		if early, _ := l.ratio(from, from+1, from); early > partialBack {
			continue // it began later
		}
		if !j.beganWithin(l, from) && !aloneAmong(l, others, from, i+1) {
			continue
		}
		spread, worst := l.varies(from, i+1, expected)
		if math.Log(max(ratio, 1e-3)) <= -max(partialLimit*spread, partialWorst*worst) {
			return from
		}
	}
	return -1
}

// varies is the standard deviation of the logarithm of such hours' ratio, and how far off they were on the worst day but one.
func (l *losing) varies(from, until int, expected float64) (spread, worst float64) {
	var off []float64
	for d := 1; d <= partialDays; d++ {
		a, b := from-24*d, until-24*d
		if a < weekHours*partialWeeks {
			break
		}
		if ratio, e := l.ratio(a, b, a); e > 0 {
			off = append(off, math.Abs(math.Log((ratio*e+0.5)/(e+0.5))))
		}
	}
	spread = steadyHours
	if len(off) > 1 {
		spread = max(spread, toDeviation*median(off))
		worst = off[len(off)-2] // median sorts
	}
	return math.Hypot(spread, math.Sqrt(l.dispersion(from)/expected)), worst
}

// beganWithin reports whether the loss began within a day whose first hours were as usual: a holiday does not.
func (j *judge) beganWithin(l *losing, from int) bool {
	midnight := j.cal.Start(j.cal.DayOf(l.start + int64(from)*calendar.HourSeconds))
	first := int((midnight - l.start) / calendar.HourSeconds)
	if first < 0 || from <= first {
		return false
	}
	ratio, expected := l.ratio(first, from, first)
	_, whole := l.ratio(max(0, first-weekHours), first, first)
	return ratio >= partialBack && expected >= partialBefore*whole/7
}

// aloneAmong reports whether the other sources, of which there are some that can tell, sent what is usual of the same hours.
func aloneAmong(l *losing, others []*losing, from, until int) bool {
	tell := 0
	for _, o := range others {
		if o.hourly == nil {
			continue
		}
		shift := int((l.start - o.start) / calendar.HourSeconds)
		a, b := from+shift, until+shift
		if a < weekHours*partialWeeks || b > len(o.counts) {
			continue
		}
		ratio, expected := o.ratio(a, b, a)
		if expected < partialLeast {
			continue
		}
		if ratio < partialBack {
			return false
		}
		tell++
	}
	return tell > 0
}

// loss is what came in the hours [from, until).
func (l *losing) loss(from, until, level int) finding {
	n := l.sum(from, until)
	_, expected := l.ratio(from, until, level)
	spread, _ := l.varies(from, until, max(1, expected))
	return finding{
		reason: Dropped, k: n, unit: Events, value: float64(n), limit: math.NaN(), lost: math.NaN(), p: math.NaN(), e: math.NaN(),
		expected: estimate{expected, expected * math.Exp(-z95*spread), expected * math.Exp(z95*spread)}, baselineDays: 7 * l.weeks[min(until-1, len(l.weeks)-1)],
		method: "hours that fall behind the same local hours of the weeks before",
	}
}
