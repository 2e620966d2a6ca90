package anomaly

import (
	"firstlight/pipeline/calendar"
	"firstlight/pipeline/stats"
)

// median is the Kaplan-Meier median (s) of the users who entered in a window, with its 95 % log-log limits. Users without
// value count as followed from the end of their day of entry. +Inf: not reached, and more than they were followed for.
func (j *judge) median(metric int, s span) (k, n int64, median, low, high float64) {
	all := j.followed(metric, s)
	var censored []stats.At
	if s.end-s.start == calendar.HourSeconds {
		censored = append(censored, j.censor(s.end, &all))
	} else {
		for d := s.last; d >= s.first; d-- {
			if i := int(d - j.evidence.From); i >= 0 && i < len(j.evidence.Metrics[metric].Days) {
				censored = append(censored, j.censor(j.cal.Start(d+1), &j.evidence.Metrics[metric].Days[i]))
			}
		}
	}
	curve := stats.KaplanMeier(all.events(), censored)
	median, low, high = curve.Quantile(0.5)
	return all.total(), all.Entered, median, low, high
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

// censor is the users of a group that ended at an instant who have not got there.
func (j *judge) censor(end int64, f *Followed) stats.At {
	return stats.At{Age: float64(max(0, j.evidence.AsOf-end)), Users: float64(max(0, f.Entered-f.total()))}
}
