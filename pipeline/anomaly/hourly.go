package anomaly

import (
	"math"
	"slices"

	"firstlight/pipeline/calendar"
)

// Counts by hour, and what is usual at an hour: the same local hours of the weeks before, so that people who keep their hours
// when the clocks change are where they are expected.

const (
	weekHours    = 168
	silenceWeeks = 8 // of history
)

// hourly is a count of every hour.
type hourly struct {
	start   int64
	counts  []int64 // by hour from start on
	local   []int64 // the number of the local hour
	sums    []int64 // of the counts before each hour
	excused []bool  // people said that nothing need come
	first   int     // hour from which on there is history

	missing float64 // events expected since the last one came
	missed  int     // first hour in which one was
	since   int     // first hour without any
	worst   float64 // most that was missing in an absence that was no incident
	pause   int     // hours of the longest of them
	loud    bool    // the present absence is one
	gone    bool    // it has lasted for so long that nothing is expected any more
	days    int     // with events, so far
	newest  int     // the last of them, from 1
	events  int64   // so far
	doubted []doubt
	muted   mutedAbsence

	spreadAt int // for which hour spread was found
	spread   float64
}

func newHourly(cal *calendar.Calendar, hours map[int64]int64, asOf int64) *hourly {
	if len(hours) == 0 {
		return nil
	}
	h := &hourly{start: math.MaxInt64, spreadAt: -1}
	for at := range hours {
		h.start = min(h.start, at)
	}
	if asOf <= h.start {
		return nil
	}
	n := int((asOf - h.start + calendar.HourSeconds - 1) / calendar.HourSeconds)
	h.counts, h.excused, h.sums = make([]int64, n), make([]bool, n), make([]int64, n+1)
	for at, n := range hours {
		if i := int((at - h.start) / calendar.HourSeconds); i < len(h.counts) {
			h.counts[i] += n
		}
	}
	for i, n := range h.counts {
		h.sums[i+1] = h.sums[i] + n
		h.local = append(h.local, cal.LocalHour(h.start+int64(i)*calendar.HourSeconds))
	}
	return h
}

func (h *hourly) silentSince(i int) int64 {
	return h.start + int64(min(h.since, i))*calendar.HourSeconds
}

// sum counts the hours [from, until).
func (h *hourly) sum(from, until int) int64 { return h.sums[until] - h.sums[from] }

// earlier is the hour that had the same local time so many hours before; the one in its place where the clocks left it out.
func (h *hourly) earlier(i, hours int) int {
	k := i - hours
	if k < 0 {
		return k
	}
	shifted := k + int(h.local[i]-int64(hours)-h.local[k])
	if shifted >= 0 && shifted < i {
		return shifted
	}
	return k
}

// usual is the median of the same local hours of the weeks before, as far as they lie before hour last, and of how many weeks.
func (h *hourly) usual(i, last int) (mean float64, weeks int) {
	var same [silenceWeeks]float64
	for k := weekHours; i-k >= h.first && weeks < silenceWeeks; k += weekHours {
		if at := h.earlier(i, k); at >= h.first && at < last && !(h.excused[at] && h.counts[at] == 0) {
			same[weeks] = float64(h.counts[at])
			weeks++
		}
	}
	if weeks == 0 {
		return 0, 0
	}
	return median(same[:weeks]), weeks
}

// expect returns the events to expect in hour i from the same hours of earlier weeks, at most as many as the last week lets
// expect, and how much more than Poisson's counts vary (variance / mean). weeks is 0 while too little is known.
func (h *hourly) expect(i int) (mean, dispersion float64, weeks int) {
	last := h.since // hours of the present absence are no history
	if i-h.first < 24*silenceDays {
		return 0, 1, 0
	}
	mean, weeks = h.usual(i, last)
	if weeks == 0 {
		return 0, 1, 0
	}
	if weeks < 3 { // few weeks: no more than the same hour of the last days lets expect
		var daily []float64
		for k := 24; i-k >= h.first && len(daily) < silenceDays; k += 24 {
			if at := h.earlier(i, k); at >= h.first && at < last {
				daily = append(daily, float64(h.counts[at]))
			}
		}
		if len(daily) > 0 {
			mean = min(mean, median(daily))
		}
	}
	return mean * h.trend(last), h.dispersion(last), max(1, min((i-h.first)/weekHours, silenceWeeks))
}

func median(values []float64) float64 {
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// trend is how busy the week before an hour was beside the weeks before it, at most 1.
func (h *hourly) trend(last int) float64 {
	week := max(h.first, last-weekHours)
	begin := max(h.first, week-(silenceWeeks-1)*weekHours)
	n, before := week-begin, float64(h.sum(begin, week))
	if n < weekHours || before == 0 {
		return 1
	}
	return min(1, float64(h.sum(week, last))/weekHours/(before/float64(n)))
}

// dispersion is the median over four weeks of (x - y)² / (x + y) of hours a week apart, in terms of its value for Poisson
// counts: variance over mean, not moved by single bursts.
func (h *hourly) dispersion(last int) float64 {
	if last == h.spreadAt {
		return h.spread
	}
	h.spreadAt, h.spread = last, 2
	var all []float64
	for k := last - 1; k >= h.first+weekHours && k >= last-4*weekHours; k-- {
		x, y := float64(h.counts[k]), float64(h.counts[h.earlier(k, weekHours)])
		if x+y > 0 {
			all = append(all, (x-y)*(x-y)/(x+y))
		}
	}
	if len(all) >= 24 {
		slices.Sort(all)
		const chiSquareMedian = 0.4549 // of one degree of freedom
		h.spread = max(1, all[len(all)/2]/chiSquareMedian)
	}
	return h.spread
}
