package anomaly

import (
	"math"
	"slices"

	"firstlight/pipeline/calendar"
	"firstlight/pipeline/stats"
)

// Silence: a source from which nothing comes although something should have. What should have come is learnt by hour
// of week, and counts that vary more than Poisson's make the judgement more patient.

const (
	weekHours    = 168
	silenceWeeks = 8   // of history
	silenceDays  = 7   // of history at least, with events on each
	silenceLeast = 50  // events in it
	missedEvent  = 0.5 // expected events that make an hour without one a loss
	worstFactor  = 1.5 // more is missing than in any earlier absence, by this factor
	hoursAMonth  = 720
)

// quiet is a time in which a source was silent.
type quiet struct {
	source      string
	from, until int64 // Unix s
}

// silence judges a source hour by hour, the running hour too: what has not come by now is missing.
func (j *judge) silence(src *Source) *watch {
	w := &watch{subject: subject{metric: -1, source: src.Name}, key: "silence", severity: Critical, consecutive: 1}
	h := newHourly(src, j.evidence.AsOf)
	if h == nil {
		return w
	}
	settle := int64(j.catalog.Settle.Seconds())
	for i := range h.counts {
		start := h.start + int64(i)*calendar.HourSeconds
		end := start + calendar.HourSeconds
		at := end + settle
		running := at > j.evidence.AsOf
		if running {
			at = j.evidence.AsOf
			if at-settle <= start && h.counts[i] == 0 {
				break
			}
		}
		about := span{window: "1h", start: h.silentSince(i), end: min(end, at), first: j.cal.DayOf(start), last: j.cal.DayOf(start)}
		judged := h.next(i, min(end, at-settle), j.alpha())
		if judged.verdict == clear && about.start < start {
			about.end = start // events came again
		}
		judged.at, judged.span, judged.missedFrom = at, about, h.start+int64(h.missed)*calendar.HourSeconds
		w.judgements = append(w.judgements, judged)
		if running && h.counts[i] == 0 {
			break
		}
	}
	return w
}

// alpha is the probability at which an hour of silence is no chance: the budget of false alarms over the hours of a month and
// the sources.
func (j *judge) alpha() float64 {
	budget := j.catalog.FalseAlarms
	if budget == 0 {
		budget = 1 // silence is watched also where nothing else is
	}
	return min(0.01, budget/hoursAMonth/float64(max(1, len(j.evidence.Sources))))
}

// hourly is the volume of one source.
type hourly struct {
	start   int64
	counts  []int64 // by hour from start on
	missing float64 // events expected since the last one came
	missed  int     // first hour in which one was
	since   int     // first hour without any
	worst   float64 // most that was missing in an absence that was no incident
	loud    bool    // the present absence is one
	days    int     // with events, so far
	newest  int     // the last of them, from 1
	events  int64   // so far
}

func newHourly(src *Source, asOf int64) *hourly {
	if len(src.Hours) == 0 {
		return nil
	}
	h := &hourly{start: math.MaxInt64}
	for at := range src.Hours {
		h.start = min(h.start, at)
	}
	if asOf <= h.start {
		return nil
	}
	h.counts = make([]int64, (asOf-h.start+calendar.HourSeconds-1)/calendar.HourSeconds)
	for at, n := range src.Hours {
		if i := int((at - h.start) / calendar.HourSeconds); i < len(h.counts) {
			h.counts[i] += n
		}
	}
	return h
}

func (h *hourly) silentSince(i int) int64 {
	return h.start + int64(min(h.since, i))*calendar.HourSeconds
}

// next judges hour i as far as it has been watched, up to until (Unix s).
func (h *hourly) next(i int, until int64, alpha float64) judgement {
	f := finding{
		reason: Silence, k: h.counts[i], unit: Events, value: float64(h.counts[i]), limit: math.NaN(), lost: math.NaN(),
		method: "probability of no event, from the volume by hour of week", p: math.NaN(), e: math.NaN(), expected: nothing(),
	}
	if h.counts[i] > 0 {
		h.note(i)
		if !h.loud {
			h.worst = max(h.worst, h.missing)
		}
		h.missing, h.since, h.loud = 0, i+1, false
		return judgement{verdict: clear, finding: f}
	}
	mean, dispersion, weeks := h.expect(i)
	watched := float64(until-h.start)/calendar.HourSeconds - float64(i)
	missing := h.missing + mean*min(1, max(0, watched))
	if h.missing < missedEvent {
		h.missed = i
	}
	if watched >= 1 {
		h.missing = missing
	}
	f.expected = estimate{missing, math.NaN(), math.NaN()}
	f.lost, f.baselineDays = math.NaN(), 7*weeks
	logP := silenceLogP(missing, dispersion)
	f.p = math.Exp(logP)
	if weeks > 0 && h.days >= silenceDays && h.events >= silenceLeast && missing > worstFactor*h.worst && logP <= math.Log(alpha) {
		further := h.loud
		h.loud = true
		return judgement{verdict: breach, minor: further, finding: f}
	}
	return judgement{verdict: uncertain, finding: f}
}

// note counts an hour with events into the history.
func (h *hourly) note(i int) {
	h.events += h.counts[i]
	if day := i/24 + 1; day != h.newest {
		h.days, h.newest = h.days+1, day
	}
}

// silenceLogP is the log probability of no event where so many were expected, in hours whose counts have so many times the
// variance of Poisson's.
func silenceLogP(missing, dispersion float64) float64 {
	if missing <= 0 {
		return 0
	}
	return stats.SilenceLogP(missing, (dispersion-1)/missing)
}

// expect returns the events to expect in hour i from the same hours of earlier weeks, at most as many as the last week lets
// expect, and how much more than Poisson's counts vary (variance / mean). weeks is 0 while too little is known.
func (h *hourly) expect(i int) (mean, dispersion float64, weeks int) {
	if i < 24*silenceDays {
		return 0, 1, 0
	}
	last := h.since // hours of the present absence are no history
	var same []float64
	for k := i - weekHours; k >= 0 && len(same) < silenceWeeks; k -= weekHours {
		if k < last {
			same = append(same, float64(h.counts[k]))
		}
	}
	if len(same) == 0 {
		return 0, 1, 0
	}
	if mean = median(same); len(same) < 3 { // few weeks: no more than the same hour of the last days lets expect
		var daily []float64
		for k := i - 24; k >= 0 && len(daily) < silenceDays; k -= 24 {
			if k < last {
				daily = append(daily, float64(h.counts[k]))
			}
		}
		if len(daily) > 0 {
			mean = min(mean, median(daily))
		}
	}
	return mean * h.trend(last), h.dispersion(last), max(1, min(i/weekHours, silenceWeeks))
}

func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// trend is how busy the week before an hour was beside the weeks before it, at most 1.
func (h *hourly) trend(last int) float64 {
	var recent, before float64
	for k := max(0, last-weekHours); k < last; k++ {
		recent += float64(h.counts[k])
	}
	n := 0
	for k := last - weekHours - 1; k >= 0 && n < (silenceWeeks-1)*weekHours; k-- {
		before += float64(h.counts[k])
		n++
	}
	if n < weekHours || before == 0 {
		return 1
	}
	return min(1, recent/weekHours/(before/float64(n)))
}

// dispersion is the median over four weeks of (x - y)² / (x + y) of hours a week apart, in terms of its value for Poisson
// counts: variance over mean, not moved by single bursts.
func (h *hourly) dispersion(last int) float64 {
	var all []float64
	for k := last - 1; k >= weekHours && k >= last-4*weekHours; k-- {
		x, y := float64(h.counts[k]), float64(h.counts[k-weekHours])
		if x+y > 0 {
			all = append(all, (x-y)*(x-y)/(x+y))
		}
	}
	if len(all) < 24 {
		return 2
	}
	slices.Sort(all)
	const chiSquareMedian = 0.4549 // of one degree of freedom
	return max(1, all[len(all)/2]/chiSquareMedian)
}

// silent returns when a source was silent.
func (j *judge) silent(w *watch) []quiet {
	var all []quiet
	for _, e := range w.fold() {
		q := quiet{source: w.subject.source, from: e.events[0].of.missedFrom, until: math.MaxInt64}
		if !e.open() {
			q.until = e.events[len(e.events)-1].of.span.end
		}
		all = append(all, q)
	}
	return all
}
