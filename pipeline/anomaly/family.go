package anomaly

import (
	"cmp"
	"slices"

	"firstlight/pipeline/stats"
)

// A family is the series of one metric: its users at several ages. What happens shows in several of them, so their evidence
// is averaged, which is an e-detector again, and the one with the most speaks.
type family struct {
	series    []*compared
	threshold float64 // log
}

// judge walks through the days of all series, in the order in which they could be judged.
func (f *family) judge() []*watch {
	type turn struct{ series, day int }
	var turns []turn
	watches := make([]*watch, len(f.series))
	for s, c := range f.series {
		watches[s] = &watch{subject: subject{metric: c.metric}, key: c.key, severity: Warning, consecutive: 1}
		c.family = f
		c.restart()
		for i := range c.days {
			turns = append(turns, turn{s, i})
		}
	}
	slices.SortStableFunc(turns, func(a, b turn) int {
		return cmp.Compare(f.series[a.series].days[a.day].at, f.series[b.series].days[b.day].at)
	})
	for _, t := range turns {
		watches[t.series].judgements = append(watches[t.series].judgements, f.series[t.series].next(t.day))
	}
	return watches
}

// evidence is the family's, and whether a series has the most of it.
func (f *family) evidence(of *compared) (log float64, leads bool) {
	logs := make([]float64, len(f.series))
	leads = true
	for i, c := range f.series {
		logs[i] = c.log
		leads = leads && c.log <= of.log
	}
	return stats.LogMean(logs), leads
}
