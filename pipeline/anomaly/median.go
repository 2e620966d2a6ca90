package anomaly

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/stats"
)

// median is the Kaplan-Meier median (s) of the users who entered in a window, with its 95 % log-log limits, as it was known when
// the window could be judged (at, Unix s): what happens later changes no judgement. Users are followed from the end of their
// day of entry. +Inf: not reached, and more than they were followed for.
func (j *judge) median(metric int, s span, at int64) (k, n int64, median, low, high float64) {
	var (
		all      Followed
		censored []stats.At
	)
	add := func(end int64, f *Followed) {
		seen := f.by(1000 * max(0, at-end))
		all.add(&seen)
		censored = append(censored, stats.At{Age: float64(max(0, at-end)), Users: float64(max(0, seen.Entered-seen.total()))})
	}
	if s.end-s.start == calendar.HourSeconds {
		hour := j.followed(metric, s)
		add(s.end, &hour)
	} else {
		for d := s.last; d >= s.first; d-- {
			if i := int(d - j.evidence.From); i >= 0 && i < len(j.evidence.Metrics[metric].Days) {
				add(j.cal.Start(d+1), &j.evidence.Metrics[metric].Days[i])
			}
		}
	}
	curve := stats.KaplanMeier(all.events(), censored)
	median, low, high = curve.Quantile(0.5)
	return all.total(), all.Entered, median, low, high
}

// by are the same users as they were known when they were of an age (ms).
func (f *Followed) by(ageMs int64) Followed {
	n := 0
	for n < len(f.Reached) && f.Reached[n].UpperMs <= ageMs {
		n++
	}
	return Followed{Entered: f.Entered, Reached: f.Reached[:n:n]}
}

// events are the users who got there, at the mean age of their bucket (s).
func (f *Followed) events() []stats.At {
	all := make([]stats.At, 0, len(f.Reached))
	for _, a := range f.Reached {
		if a.Users > 0 {
			all = append(all, stats.At{Age: float64(a.SumMs) / float64(a.Users) / 1000, Users: float64(a.Users)})
		}
	}
	return all
}

func (f *Followed) total() (n int64) {
	for _, a := range f.Reached {
		n += a.Users
	}
	return n
}
