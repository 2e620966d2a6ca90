package anomaly

import (
	"firstlight/pipeline/stats"
)

// Days that resemble the day before. Where the same people are counted every day, a low day is followed by low days without
// anything having happened. Seven such days in a row are not seven pieces of evidence.

// prediction is what the days before let expect of a day.
type prediction struct {
	stats.Baseline
	counts float64 // how much of a day's evidence counts: 1 where days are independent
}

// logE is the logarithm of the day's e-value against the odds changed by a factor. A power below 1 of an e-value is one too.
func (p prediction) logE(d stats.Count, odds float64) float64 { return p.counts * p.LogE(d, odds) }

func (p prediction) logEs(d stats.Count, odds []float64) []float64 {
	logs := make([]float64, len(odds))
	for i, o := range odds {
		logs[i] = p.logE(d, o)
	}
	return logs
}

const (
	memory      = 7    // days after which a day is forgotten
	extreme     = 3.0  // standard deviations beyond which a day of the history says no more
	carried     = 3.0  // what it does to the variance of sums that half of a deviation is carried over to the next day
	carriedDays = 14.0 // of history that this expectation counts as
)

// independent is the variance of days over that of sums of many days, per day, at most 1: by the autocorrelation of
// the history up to a week, weighted as Newey and West (1987) do, and pulled to what is usual where the history is short.
func independent(b stats.Baseline, days []stats.Count) float64 {
	off := make([]float64, len(days))
	squares := 0.0
	for i, d := range days {
		if sd := b.Deviation(d.N); sd > 0 {
			off[i] = max(-extreme, min(extreme, (float64(d.K)-float64(d.N)*b.Mean())/sd))
		}
		squares += off[i] * off[i]
	}
	if squares == 0 {
		return 1
	}
	sum := 1.0
	for lag := 1; lag <= memory; lag++ {
		products := 0.0
		for i := lag; i < len(off); i++ {
			products += off[i] * off[i-lag]
		}
		sum += 2 * (1 - float64(lag)/(memory+1)) * products / squares
	}
	n := float64(len(days))
	return (n + carriedDays) / (n*max(1, sum) + carriedDays*carried)
}
