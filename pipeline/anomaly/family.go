package anomaly

import (
	"cmp"
	"math"
	"slices"

	"firstlight/pipeline/stats"
)

// A family is the series of one metric: its users at several ages. What happens shows in several of them, so their evidence
// is averaged, which is an e-detector again, and the one with the most speaks.
type family struct {
	series    []*dailySeries
	threshold float64 // log
	said      *spoken // an alarm by another series than the one that was judged
}

// spoken is an alarm of a series.
type spoken struct {
	series *dailySeries
	*judgement
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
		if f.said != nil {
			at := slices.Index(f.series, f.said.series)
			watches[at].judgements = append(watches[at].judgements, *f.said.judgement)
			f.said = nil
		}
	}
	return watches
}

const (
	speaks  = 1.6  // log of the evidence that a series has to speak for its family
	speaksN = 4.0  // of the leader's evidence, at most so much less
	nobody  = 0.05 // of those who get there in the end: an age by which fewer have is not looked at
)

// speaker is the series that an alarm is told of: of those that show it, the age at which most users are missing; nil where nobody is old
// enough yet who entered since then. Where that age is told of already, the leader speaks for itself alone.
func (f *family) speaker(leader *dailySeries) (best *dailySeries) {
	most := math.Inf(-1)
	for _, c := range f.series {
		shows := c == leader || c.run != nil || c.log >= max(speaks, leader.log-speaksN)
		if !shows || len(c.stepsFrom(leader.since)) == 0 || f.tooEarly(c) {
			continue
		}
		if missing := c.missing(leader.since); missing > most {
			best, most = c, missing
		}
	}
	switch {
	case best == nil || best.run == nil:
		return best
	case len(leader.stepsFrom(leader.since)) == 0:
		return nil
	}
	return leader
}

// tooEarly reports whether next to nobody has got there by the age of a series.
func (f *family) tooEarly(c *dailySeries) bool {
	latest := 0.0
	for _, other := range f.series {
		if other.ageMs > 0 {
			latest = max(latest, other.rate)
		}
	}
	return c.ageMs > 0 && c.rate < nobody*latest
}

// evidence is the family's, and whether a series has the most of it. A series counts by how much its users can tell of their odds; ages
// by which nobody acts have no say.
func (f *family) evidence(of *dailySeries) (log float64, leads bool) {
	logs, weights := make([]float64, 0, len(f.series)), make([]float64, 0, len(f.series))
	leads = !f.tooEarly(of)
	for _, c := range f.series {
		if !f.tooEarly(c) {
			logs, weights = append(logs, c.log), append(weights, c.rate*(1-c.rate))
			leads = leads && c.log <= of.log
		}
	}
	return stats.LogWeightedMean(logs, weights), leads
}
