package anomaly

import (
	"math"

	"firstlight/pipeline/annotation"
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/stats"
)

// Silence: a source from which nothing comes although something should have. What should have come is learnt by local hour
// of week, and counts that vary more than Poisson's make the judgement more patient. What is silent for long has been retired.

const (
	silenceDays  = 7   // of history at least, with events on each
	silenceLeast = 50  // events in it
	missedEvent  = 0.5 // expected events that make an hour without one a loss
	worstFactor  = 1.5 // more is missing than in any earlier absence, by this factor
	hoursAMonth  = 720
	silencePart  = 0.1 // of the budget of false alarms: this one wakes people up
	retireAfter  = 168 // hours of silence at least
	usualPauses  = 3   // times the longest usual pause
	cameAfterAll = 0.8 // of a day's events: then the day had no outage, its events came at other hours
)

// silentTime is a time in which a source was silent. What is known of it later than a judgement does not change that.
type silentTime struct {
	source      string
	from, until int64 // Unix s; until it came back or was retired
	back        int64 // until it came back
	known, over int64 // when the silence, and its end, could be judged
}

// ongoing is the end of what goes on.
const ongoing = math.MaxInt64

// absence is what an hourly count is watched by: the events of a source, or the users who enter a cohort.
type absence struct {
	about    subject
	severity Severity
	alpha    func(at int64) float64 // the probability at which an hour of silence is no chance
	excused  func(s span, at int64) *annotation.Annotation
	from     int64 // hours from here on are not waited for (Unix s)
	retires  bool
}

// silence judges a source hour by hour, the running hour too: what has not come by now is missing.
func (j *judge) silence(src *Source) (*watch, []silentTime) {
	a := &absence{about: subject{metric: -1, source: src.Name}, severity: Critical, alpha: j.alpha, from: j.retirement(src.Name), retires: true}
	a.excused = func(s span, _ int64) *annotation.Annotation { return j.excused(VolumeMetric, s) }
	return j.absent(a, newHourly(j.cal, src.Hours, j.evidence.AsOf))
}

// absent judges hourly counts for absence.
func (j *judge) absent(a *absence, h *hourly) (*watch, []silentTime) {
	w := &watch{subject: a.about, key: "silence", severity: a.severity, consecutive: 1}
	if h == nil {
		return w, nil
	}
	settle := int64(j.catalog.Settle.Seconds())
	var silentTimes []silentTime
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
		why := a.excused(span{window: "1h", start: start, end: end}, at)
		h.excused[i] = why != nil
		loud := h.loud
		judged := h.next(i, min(end, at-settle), a)
		if start >= a.from && judged.verdict != clear {
			judged.verdict = retired
		}
		switch {
		case why != nil && judged.verdict != clear:
			judged.finding.excuse = why
		case judged.verdict == clear && about.start < start:
			about.end = start // events came again
		}
		judged.at, judged.span = at, about
		w.judgements = append(w.judgements, judged)
		silentTimes = h.silentTimes(silentTimes, a.about.source, loud, &judged, start)
		if running && h.counts[i] == 0 {
			break
		}
	}
	return w, silentTimes
}

// silentTimes keeps the list of silences up to a judgement of the hour that starts at a time.
func (h *hourly) silentTimes(all []silentTime, source string, was bool, j *judgement, start int64) []silentTime {
	began := func(hour int) {
		from := h.start + int64(hour)*calendar.HourSeconds
		all = append(all, silentTime{source: source, from: from, until: ongoing, back: ongoing, known: j.at, over: ongoing})
	}
	switch {
	case h.muted.plain && !h.muted.noted:
		h.muted.noted = true
		began(h.muted.first)
		return all
	case h.muted.noted && j.verdict != retired: // it goes on, announced or not
		return all
	case !was && j.verdict == breach:
		began(h.missed)
		return all
	case len(all) == 0:
		return all
	}
	q := &all[len(all)-1]
	switch {
	case (j.verdict == clear || j.verdict == excusedAway) && q.back == ongoing:
		q.until, q.back, q.over = min(q.until, start), start, min(q.over, j.at)
	case j.verdict == retired && q.until == ongoing:
		q.until, q.over = start, j.at
	}
	return all
}

// retirement is when the catalog retires a source, or when it began to be left alone (Unix s).
func (j *judge) retirement(source string) int64 {
	s := j.catalog.Source(source)
	if !s.Watch {
		return math.MinInt64
	}
	if day, ok := dayOf(s.Retired); ok {
		return j.cal.Start(day)
	}
	return ongoing
}

// alpha is the probability at which an hour of silence is no chance: the budget of false alarms over the hours of a month and
// the sources that there were.
func (j *judge) alpha(at int64) float64 {
	budget := j.catalog.FalseAlarms
	if budget == 0 {
		budget = 1 // silence is watched also where nothing else is
	}
	sources := 0
	for i := range j.evidence.Sources {
		if j.began[i] <= at {
			sources++
		}
	}
	return min(0.01, silencePart*budget/hoursAMonth/float64(max(1, sources)))
}

// next judges hour i as far as it has been watched, up to until (Unix s).
func (h *hourly) next(i int, until int64, a *absence) judgement {
	f := finding{
		reason: Silence, k: h.counts[i], unit: Events, value: float64(h.counts[i]), limit: math.NaN(), lost: math.NaN(),
		method: "probability of no event, from the volume by local hour of week", p: math.NaN(), e: math.NaN(), expected: nothing(),
	}
	h.learn(i)
	if h.counts[i] > 0 {
		h.came(i)
		return judgement{verdict: clear, finding: f}
	}
	if h.gone {
		return judgement{verdict: uncertain, finding: f}
	}
	mean, dispersion, weeks := h.expect(i)
	judged := weeks > 0 && h.days >= silenceDays && h.events >= silenceLeast
	if h.excused[i] {
		h.missing, h.loud = 0, false
		if h.muted.add(i, mean); judged && silenceLogP(h.muted.missing, dispersion) <= math.Log(a.alpha(until)) {
			h.muted.plain = true
		}
		return judgement{verdict: excusedAway, finding: f}
	}
	watched := float64(until-h.start)/calendar.HourSeconds - float64(i)
	missing := h.missing + mean*min(1, max(0, watched))
	if h.missing < missedEvent {
		h.missed = i
	}
	if watched >= 1 {
		h.missing = missing
	}
	f.expected = estimate{missing, math.NaN(), math.NaN()}
	f.baselineDays = 7 * weeks
	logP := silenceLogP(missing, dispersion)
	f.p = math.Exp(logP)
	if absent := i + 1 - h.since; a.retires && h.loud && watched >= 1 && absent >= max(retireAfter, usualPauses*h.pause) {
		h.gone, f.gone, f.usualPause = true, true, int64(h.pause)*calendar.HourSeconds
		return judgement{verdict: retired, finding: f}
	}
	if judged && missing > worstFactor*h.worst && logP <= math.Log(a.alpha(until)) {
		further := h.loud
		h.loud = true
		return judgement{verdict: breach, minor: further, finding: f}
	}
	return judgement{verdict: uncertain, finding: f}
}

// came notes that something came in an hour. What comes back after it was retired is new: its history begins again.
func (h *hourly) came(i int) {
	switch {
	case h.gone:
		h.first, h.days, h.events, h.worst, h.newest = i, 0, 0, 0, 0
	case h.loud:
		h.doubted = append(h.doubted, doubt{h.missed, h.missing})
	default:
		h.worst = max(h.worst, h.missing)
		if h.events > 0 && !h.excused[max(0, i-1)] {
			h.pause = max(h.pause, i-h.since)
		}
	}
	h.events += h.counts[i]
	if day := i/24 + 1; day != h.newest {
		h.days, h.newest = h.days+1, day
	}
	h.missing, h.since, h.loud, h.gone, h.muted = 0, i+1, false, false, mutedAbsence{}
}

// mutedAbsence is what is missing in hours of the present absence that people announced. Nobody is told, yet what depends on the source
// is excused, as it would be if nobody had announced it.
type mutedAbsence struct {
	first   int     // of the hours
	missing float64 // events that were expected of them
	plain   bool    // it would be an incident
	noted   bool    // among the times of silence
}

func (m *mutedAbsence) add(hour int, expected float64) {
	if m.missing == 0 {
		m.first = hour
	}
	m.missing += expected
}

// doubt is a silence that has ended and may have been none.
type doubt struct {
	missed  int
	missing float64
}

// learn decides on silences a day after they began: when the day had about as many events as usual, they came at other hours,
// as after a change of clocks, and so much missing is usual from here on.
func (h *hourly) learn(i int) {
	for len(h.doubted) > 0 && i >= h.doubted[0].missed+24 {
		d := h.doubted[0]
		h.doubted = h.doubted[1:]
		var sent, usual float64
		for k := d.missed; k < d.missed+24; k++ {
			mean, _ := h.usual(k, d.missed)
			sent, usual = sent+float64(h.counts[k]), usual+mean
		}
		if sent >= cameAfterAll*usual {
			h.worst = max(h.worst, d.missing)
		}
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
